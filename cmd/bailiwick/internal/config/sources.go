package config

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Layers returns the sources of the mount, from the top down: Source alone, or Sources.
// Every rule about what a mount serves is about all of them.
func (m *Mount) Layers() []Source {
	if m.Source != "" {
		return []Source{m.Source}
	}
	return m.Sources
}

// LayerKey returns the key of Layers()[i] in the mount.
func (m *Mount) LayerKey(i int) string {
	if m.Source != "" {
		return "source"
	}
	return index("sources", i)
}

// Written reports whether clients can store objects in Layers()[i] through the mount. They
// never can in any but the first.
func (m *Mount) Written(i int) bool { return i == 0 && m.takesContent() }

// Whiteouts returns the patterns of what a server keeps in the first of several sources for
// itself. It denies them in every mount, also in those of that source alone, or clients could
// undo removals there.
func Whiteouts() []vfs.Pattern { return vfs.Patterns("**/" + overlay.Reserved) }

// complete reports whether the mount has sources and all of them are valid.
func (m *Mount) complete() bool {
	layers := m.Layers()
	return len(layers) > 0 && !slices.Contains(layers, "")
}

// sources validates the sources of a mount.
func (v *validator) sources(m *Mount, key string) {
	one, several := key+".source", key+".sources"
	switch {
	case v.d.bad[one], v.d.bad[several]:
	case m.Source != "" && m.Sources != nil:
		v.fail(several, "source is one source and sources are several; leave out either")
	case len(m.Layers()) == 0:
		v.fail(one, "name what to serve: the path of a directory, or s3://BUCKET/PREFIX")
	case m.Uploads != nil && m.Sources != nil:
		v.fail(several, "uploads are stored in one source; write source, or leave out uploads")
	}
	for j, source := range m.Sources {
		if source == "" {
			continue
		}
		place := v.survey.Locate(string(source))
		for _, earlier := range m.Sources[:j] {
			if earlier == "" {
				continue
			}
			if how := place.Shares(v.survey.Locate(string(earlier))); how != "" {
				v.fail(index(several, j), "%s", overlap.InOneTree(printable(string(source)), how, printable(string(earlier))))
				break
			}
		}
	}
}
