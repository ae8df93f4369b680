package disk

import "golang.org/x/sys/unix"

const (
	searchOnly      = unix.O_RDONLY
	renameNoReplace = unix.RENAME_EXCL
	renameExchange  = unix.RENAME_SWAP
)

func renameat2(from int, old string, to int, elem string, flag uint) error {
	return unix.RenameatxNp(from, old, to, elem, uint32(flag))
}

func (d directory) leads(name string) (stat, error) { return d.leadsByElements(name) }
