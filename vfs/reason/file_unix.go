//go:build unix || js || wasip1

package reason

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

func systemReason(err error) Reason {
	switch {
	// FAT, NTFS and other foreign file systems return EINVAL for a reserved character,
	// and EILSEQ for text that is not in their encoding.
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EILSEQ), errors.Is(err, syscall.EINVAL) && !isAboutContent(err):
		return Unholdable
	case errors.Is(err, syscall.ELOOP):
		return Symlink
	}
	return ""
}

// isAboutContent reports whether err came from a call on an open file. EINVAL has many
// meanings on Unix; only from a call with a name does it mean that nothing has that
// name. A disk that fails to read must not look like a missing file.
func isAboutContent(err error) bool {
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && slices.Contains(contentOps, e.Op)
}

var contentOps = []string{"read", "write", "seek", "readdir", "readdirent", "fdopendir", "sync", "truncate", "close"}
