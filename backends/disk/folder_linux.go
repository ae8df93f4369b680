package disk

import "golang.org/x/sys/unix"

const (
	searchOnly      = unix.O_PATH
	renameNoReplace = unix.RENAME_NOREPLACE
	renameExchange  = unix.RENAME_EXCHANGE
)

func renameat2(from int, old string, to int, elem string, flag uint) error {
	return unix.Renameat2(from, old, to, elem, flag)
}

func (t *beneath) top() (folder, error) {
	d, err := openDirectory(t.fd, ".", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return d, nil
}
