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

func (t *openat2Tree) top() (folder, error) {
	d, err := openDirectory(t.fd, ".", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// howLeads opens the directory of a whole name, only to identify it.
var howLeads = unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: resolve}

func (d directory) leads(name string) (stat, error) {
	for try := 0; ; try++ {
		fd, err := unix.Openat2(d.fd, name, &howLeads)
		switch {
		case err == nil:
			defer unix.Close(fd)
			return statOf(fd)
		case err == unix.ENOSYS, err == unix.EPERM:
			return d.leadsByElements(name)
		case err == unix.EINTR, err == unix.EAGAIN && try < maxRaces:
		default:
			return stat{}, err
		}
	}
}
