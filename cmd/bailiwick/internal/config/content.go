package config

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// content decides for each mount whose its content is, where the file leaves that out,
// and whether hard links in it are refused, and refuses mounts that serve what belongs to the uploads of another one.
//
// It goes by the sources and not by the mounts: what clients put through one mount is
// their content in every other mount that shows it. Links need no look of their own: a
// link is admitted only where it leads to a name of the same source.
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
				v.fail(key+".source", "it holds what is uploaded to the mount of %s, and this mount would give it to others than its owners; "+
					"keep uploads in a directory or bucket that no other mount serves any part of", v.place(index("mounts", j)))
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
				v.fail(key+".inline", "no client can write here, so the content is trusted and shown whatever its type; leave out inline, or add content: untrusted%s",
					flagFor(v.place(key+".inline"), "mounts[].content"))
			}
		}
	}
}

// takesContent reports whether clients can store objects through the mount.
func (m *Mount) takesContent() bool { return m.Write || m.Uploads != nil }

// Writer returns another mount through which clients can write to what this one serves,
// nil if there is none.
func (m *Mount) Writer() *Mount { return m.writer }

// URL returns the host, if the mount has one, and the path that it is served at.
func (m *Mount) URL() string { return string(m.Host) + string(m.Path) }
