package main

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// parseWritten makes a Name of what a user wrote. A directory to be listed may
// end in a slash, and the top one is "" or ".".
func parseWritten(op vfs.Op, written string, decoded bool) (vfs.Name, error) {
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
