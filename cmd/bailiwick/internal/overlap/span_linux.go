package overlap

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// mountPoints returns none if they cannot be read. Paths and inodes are compared in any
// case.
func mountPoints() []mountPoint {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(info)
}

// parseMounts parses Linux's mountinfo. It is needed for bind mounts: the inodes of a
// directory and its parents do not reveal what is mounted below it, or that it lies
// within another mount. Malformed lines are skipped.
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

// unescape decodes the octal escapes of space, tab, newline and backslash.
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
