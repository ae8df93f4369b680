package config

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// content sets the defaults of Content and HardLinks for each mount, and refuses mounts
// that would serve the uploads of another mount.
//
// It compares sources, not mounts: what clients write through one mount is untrusted in
// every mount that serves it. Symbolic links need no check here, because a link is
// followed only to an admitted name in the same source.
func (v *validator) content() {
	var survey overlap.Survey
	places := make([]*overlap.Place, len(v.Mounts))
	overlaps := func(i, j int) bool {
		for _, k := range []int{i, j} {
			if places[k] == nil {
				places[k] = survey.Locate(string(v.Mounts[k].Source))
			}
		}
		return places[i].Overlaps(places[j])
	}
	for i := range v.Mounts {
		m, key := &v.Mounts[i], index("mounts", i)
		if v.d.bad[key] {
			continue
		}
		for j := range v.Mounts {
			other := &v.Mounts[j]
			if i == j || !other.takesContent() || m.Source == "" || other.Source == "" || !overlaps(i, j) {
				continue
			}
			if m.writer == nil {
				m.writer = other
			}
			if m.Uploads == nil && other.Uploads != nil {
				v.fail(key+".source", "it contains the uploads of the mount at %s, which this mount would serve to others than their owners; "+
					"keep uploads in a directory or bucket that no other mount serves, even in part", v.positionOf(index("mounts", j)))
				break
			}
		}
		if m.HardLinks == "" && !v.d.bad[key+".hard_links"] {
			m.HardLinks = "serve"
			if m.takesContent() || m.writer != nil {
				m.HardLinks = "refuse"
			}
		}
		switch {
		case m.Content != "" || v.d.bad[key+".content"]:
		case m.takesContent() || m.writer != nil:
			m.Content = "untrusted"
		default:
			m.Content = "trusted"
			if len(m.Inline) > 0 {
				v.fail(key+".inline", "no client can write here, so the content is trusted and browsers display any type; leave out inline, or add content: untrusted%s",
					flagFor(v.positionOf(key+".inline"), "mounts[].content"))
			}
		}
	}
}

// takesContent reports whether clients can store objects through the mount.
func (m *Mount) takesContent() bool { return m.Write || m.Uploads != nil }

// Writer returns another mount through which clients can write to the files that m
// serves, or nil if there is none.
func (m *Mount) Writer() *Mount { return m.writer }

// URL returns the mount's host, if any, followed by its path.
func (m *Mount) URL() string { return string(m.Host) + string(m.Path) }
