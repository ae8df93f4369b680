package overlap

import (
	"slices"
	"strings"
)

// A span is a directory of a file system, with all below it.
type span struct {
	device string // the file system, as the kernel numbers it
	path   string // of the directory in it, "/" for the top
}

// A mountPoint is a path at which a span can be reached.
type mountPoint struct {
	at string
	span
}

// spansOf returns the span that path is in, and those mounted below it.
func spansOf(path string, mounts []mountPoint) []span {
	var spans []span
	// The last mount at a path hides those before it.
	var own *mountPoint
	for i := range mounts {
		m := &mounts[i]
		if _, ok := inDir(path, m.at); ok && (own == nil || len(m.at) >= len(own.at)) {
			own = m
		}
		if _, ok := inDir(m.at, path); ok && m.at != path && !slices.Contains(spans, m.span) {
			spans = append(spans, m.span)
		}
	}
	if own != nil {
		inside := own.path
		if rest, _ := inDir(path, own.at); rest != "" {
			inside = strings.TrimSuffix(own.path, "/") + "/" + rest
		}
		spans = append(spans, span{own.device, inside})
	}
	return spans
}

// inDir returns the rest of path below dir, and whether it is dir or below it.
func inDir(path, dir string) (rest string, ok bool) {
	if path == dir {
		return "", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (d *directory) sharesSpan(other *directory) bool {
	for _, a := range d.spans {
		for _, b := range other.spans {
			_, in := inDir(a.path, b.path)
			_, around := inDir(b.path, a.path)
			if a.device == b.device && (in || around) {
				return true
			}
		}
	}
	return false
}
