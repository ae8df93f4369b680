package cli

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ParseWritten parses a name from the command line: a plain name if decoded is set, else a
// part of a URL's path. For OpList it may end in a slash, and the root is "" or ".".
func ParseWritten(op vfs.Op, written string, decoded bool) (vfs.Name, error) {
	if op == vfs.OpList {
		if written == "" || written == "." {
			return vfs.Root, nil
		}
		written = strings.TrimSuffix(written, "/")
	}
	if decoded {
		return vfs.ParseName(written)
	}
	return vfs.ParseEscapedPath(written)
}
