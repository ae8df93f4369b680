package config

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// content sets the defaults of Content and HardLinks for each mount, and refuses mounts
// that would serve the uploads of another mount.
//
// It compares sources, not mounts: what clients write through one mount is untrusted in
// every mount that serves it, also below others. Symbolic links need no check here, because a link is
// followed only to an admitted name in the same source.
func (v *validator) content() {
	places := make([][]*overlap.Place, len(v.Mounts))
	locate := func(i int) []*overlap.Place {
		if places[i] == nil {
			for _, source := range v.Mounts[i].Layers() {
				places[i] = append(places[i], v.survey.Locate(string(source)))
			}
		}
		return places[i]
	}
	for i := range v.Mounts {
		m, key := &v.Mounts[i], index("mounts", i)
		if v.d.bad[key] {
			continue
		}
		for j := range v.Mounts {
			other := &v.Mounts[j]
			if i == j || !other.takesContent() || !m.complete() || !other.complete() {
				continue
			}
			top, layer := locate(j)[0], -1 // the layer that has what clients store in top
			for k, place := range locate(i) {
				if !top.Overlaps(place) {
					continue
				}
				if layer < 0 {
					layer = k
				}
				if m.writers == nil {
					m.writers = make([]*Mount, len(locate(i)))
				}
				if m.writers[k] == nil {
					m.writers[k] = other
				}
			}
			if layer >= 0 {
				other.readers = append(other.readers, m)
			}
			if layer >= 0 && m.Uploads == nil && other.Uploads != nil {
				v.fail(key+"."+m.LayerKey(layer), "it contains the uploads of the mount at %s, which this mount would serve to others than their owners; "+
					"keep uploads in a directory or bucket that no other mount serves, even in part", v.positionOf(index("mounts", j)))
				break
			}
		}
		if m.HardLinks == "" && !v.d.bad[key+".hard_links"] {
			m.HardLinks = "serve"
			if m.takesContent() || m.Writer() != nil {
				m.HardLinks = "refuse"
			}
		}
		switch {
		case m.Content != "" || v.d.bad[key+".content"]:
		case m.takesContent() || m.Writer() != nil:
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
func (m *Mount) Writer() *Mount {
	for _, w := range m.writers {
		if w != nil {
			return w
		}
	}
	return nil
}

// LayerWriter is Writer for Layers()[i].
func (m *Mount) LayerWriter(i int) *Mount {
	if m.writers == nil {
		return nil
	}
	return m.writers[i]
}

// Readers returns the other mounts that serve what clients store through m, or a part of it.
func (m *Mount) Readers() []*Mount { return m.readers }

// URL returns the mount's host, if any, followed by its path.
func (m *Mount) URL() string { return string(m.Host) + string(m.Path) }
