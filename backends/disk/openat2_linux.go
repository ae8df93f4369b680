package disk

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// openat2Tree is a tree opened by openat2: the kernel resolves the whole name below the
// root's descriptor and stops at any link, so there is no gap between a check and an
// open.
type openat2Tree struct {
	root   *os.File
	fd     int
	procFD int // of the directory of this process's descriptors, -1 if there is none
}

const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// Without O_NONBLOCK, opening a FIFO waits for a writer: each request would hold a
// thread, and enough of them end the process. Without O_NOCTTY, a terminal device could
// become the server's. A FIFO or terminal gets here only if the check before the open
// was bypassed.
const fileFlags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY

var (
	howFound = unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve}
	howFile  = unix.OpenHow{Flags: fileFlags, Resolve: resolve}
	howDir   = unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_DIRECTORY, Resolve: resolve}
	// With O_PATH and O_NOFOLLOW, a link at the end is itself opened.
	howLink = unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: resolve}
)

func openTree(dir string, portable bool) (tree, error) {
	why := ""
	if !portable {
		t, err := openBeneath(dir)
		// ENOSYS means a kernel before 5.6, EPERM a sandbox. Only here do they mean
		// that the call is missing; later, EPERM concerns a file.
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			return t, err
		}
		why = "openat2 is not available"
	}
	return openPortable(dir, why)
}

func openBeneath(dir string) (tree, error) {
	root, err := os.OpenFile(dir, unix.O_DIRECTORY, 0)
	if err != nil {
		if errors.Is(err, unix.ENOTDIR) {
			err = errNotDir(dir)
		}
		return nil, err
	}
	t := &openat2Tree{root: root, fd: int(root.Fd())}
	fd, err := t.openat2(".", &howDir)
	if err != nil {
		root.Close()
		return nil, err
	}
	unix.Close(fd)
	t.procFD = openProc(t.fd)
	return t, nil
}

func (t *openat2Tree) how() string {
	if t.procFD < 0 {
		return "files are opened by openat2; without /proc, a file can be exchanged between check and open, which is detected"
	}
	return "files are opened by openat2"
}

func (t *openat2Tree) close() error {
	if t.procFD >= 0 {
		unix.Close(t.procFD)
	}
	return t.root.Close()
}

// openat2 opens a name. It retries if a signal or a rename interfered.
func (t *openat2Tree) openat2(name string, how *unix.OpenHow) (int, error) {
	for try := 0; ; try++ {
		fd, err := unix.Openat2(t.fd, name, how)
		if err == unix.EINTR || err == unix.EAGAIN && try < maxRaces {
			continue
		}
		return fd, err
	}
}

func (t *openat2Tree) open(op string, n vfs.Name, links bool) (handle, error) {
	fd, err := t.openat2(n.String(), &howFound)
	if err != nil {
		return nil, t.fail(op, n, links, err)
	}
	return &found{t, op, n, fd}, nil
}

// fail converts an error of an open.
func (t *openat2Tree) fail(op string, n vfs.Name, links bool, err error) error {
	switch err {
	case unix.ELOOP:
		return linkError(op, n, links, func() (string, string, error) { return t.readlink(n.String()) })
	case unix.ENXIO, unix.ENODEV:
		return driver.Refuse(op, n, reason.SpecialFile) // a socket, a device without a driver
	case unix.EAGAIN:
		err = errors.Join(vfs.ErrUnavailable, errRaced)
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
		err = errors.Join(vfs.ErrUnavailable, err)
	case unix.ESTALE:
		err = fs.ErrNotExist
	}
	return driver.FSError(op, n, err)
}

// readlink finds the first link on the path to name and reads it through its own
// descriptor.
func (t *openat2Tree) readlink(name string) (prefix, text string, err error) {
	for end := 0; end < len(name); {
		if i := strings.IndexByte(name[end+1:], '/'); i < 0 {
			end = len(name)
		} else {
			end += 1 + i
		}
		fd, err := t.openat2(name[:end], &howLink)
		if err != nil {
			return "", "", err
		}
		st, err := statOf(fd)
		if err == nil && st.mode.Type() == fs.ModeSymlink {
			var buf [unix.PathMax]byte
			n, err := unix.Readlinkat(fd, "", buf[:])
			unix.Close(fd)
			if err != nil {
				return "", "", err
			}
			return name[:end], string(buf[:n]), nil
		}
		unix.Close(fd)
		if err != nil {
			return "", "", err
		}
	}
	return "", "", errRaced
}
