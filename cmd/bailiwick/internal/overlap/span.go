package overlap

import (
	"slices"
	"strings"
)

// A span is a directory of a file system, with everything below it.
type span struct {
	device string // the kernel's number of the file system
	path   string // of the directory in the file system, "/" for its root
}

// A mountPoint is a path where a span is mounted.
type mountPoint struct {
	at string
	span
}

// spansOf returns the span that contains path, and the spans mounted below it.
func spansOf(path string, mounts []mountPoint) []span {
	var spans []span
	// The last mount at a path hides earlier ones.
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

// inDir reports whether path is dir or below it, and returns the rest of path.
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
