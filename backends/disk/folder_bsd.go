//go:build dragonfly || freebsd || netbsd || openbsd

package disk

import "golang.org/x/sys/unix"

const (
	searchOnly      = unix.O_RDONLY
	renameNoReplace = 0
	renameExchange  = 0
)

// renameat2 is not available.
func renameat2(int, string, int, string, uint) error { return unix.ENOSYS }

func (d directory) leads(name string) (stat, error) { return d.leadsByElements(name) }
