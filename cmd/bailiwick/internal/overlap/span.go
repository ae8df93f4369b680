package overlap

import (
	"bytes"
	"slices"
	"strconv"
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

// parseMounts reads Linux's mountinfo: the identity of a directory and of those
// above it does not show what a bind mount brought in below it, or in what it lies
// itself. Lines that it cannot read are left out.
func parseMounts(info []byte) []mountPoint {
	var mounts []mountPoint
	for line := range bytes.Lines(info) {
		// ID PARENT MAJOR:MINOR ROOT MOUNTPOINT …
		fields := strings.Fields(string(line))
		if len(fields) < 5 {
			continue
		}
		root, at := unescape(fields[3]), unescape(fields[4])
		if strings.HasPrefix(root, "/") && strings.HasPrefix(at, "/") {
			mounts = append(mounts, mountPoint{at, span{fields[2], root}})
		}
	}
	return mounts
}

// unescape replaces the octal escapes of space, tab, newline and backslash.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
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
