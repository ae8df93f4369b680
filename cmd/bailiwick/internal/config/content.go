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
			layer := m.addWriter(locate(i), other, locate(j)[0])
			if layer >= 0 && m.Uploads == nil && other.Uploads != nil {
				v.fail(key+"."+m.LayerKey(layer), "it contains the uploads of the mount at %s, which this mount would serve to others than their owners; "+
					"keep uploads in a directory or bucket that no other mount serves, even in part", v.positionOf(index("mounts", j)))
				break
			}
		}
		v.contentDefaults(m, key)
	}
}

// addWriter notes that clients can store what m serves, if they can through other, which stores
// at top. It returns the first layer of m, of which these are the places, that has it; -1 for
// none.
func (m *Mount) addWriter(places []*overlap.Place, other *Mount, top *overlap.Place) (layer int) {
	layer = -1
	for k, place := range places {
		if !top.Overlaps(place) {
			continue
		}
		if layer < 0 {
			layer = k
			other.readers = append(other.readers, m)
		}
		if m.writers == nil {
			m.writers = make([]*Mount, len(places))
		}
		if m.writers[k] == nil {
			m.writers[k] = other
		}
	}
	return layer
}

// contentDefaults sets what depends on whether clients can write to the sources of a mount.
func (v *validator) contentDefaults(m *Mount, key string) {
	written := m.takesContent() || m.Writer() != nil
	if m.HardLinks == "" && !v.d.bad[key+".hard_links"] {
		m.HardLinks = "serve"
		if written {
			m.HardLinks = "refuse"
		}
	}
	switch {
	case m.Content != "" || v.d.bad[key+".content"]:
	case written:
		m.Content = "untrusted"
	default:
		m.Content = "trusted"
		if len(m.Inline) > 0 {
			v.fail(key+".inline", "no client can write here, so the content is trusted and browsers display any type; leave out inline, or add content: untrusted%s",
				flagFor(v.positionOf(key+".inline"), "mounts[].content"))
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
