package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

func (t *openat2Tree) openDir(dir vfs.Name) (dirReader, error) {
	fd, err := t.openat2(dir.String(), &howDir)
	if err != nil {
		return nil, t.fail("list", dir, true, err)
	}
	d := dirDescriptors.Get().(*dirDescriptor)
	d.fd = fd
	return d, nil
}

// dirDescriptors saves a listing of many small directories from allocating buffers.
var dirDescriptors = sync.Pool{New: func() any { return new(dirDescriptor) }}

// dirDescriptor reads a directory with getdents64: unlike os.File.ReadDir, it needs no
// path for an entry whose type the file system does not report.
type dirDescriptor struct {
	fd  int
	buf [64 << 10]byte
}

func (d *dirDescriptor) close() error {
	fd := d.fd
	d.fd = -1
	dirDescriptors.Put(d)
	return unix.Close(fd)
}

func (d *dirDescriptor) lstat(elem string) (stat, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Fstatat(d.fd, elem, &st, unix.AT_SYMLINK_NOFOLLOW); err {
		case nil:
			return fromUnix(&st), nil
		case unix.EINTR:
		default:
			return stat{}, err
		}
	}
}

func (d *dirDescriptor) each(yield func(elem []byte, kind vfs.Kind) error) error {
	if _, err := unix.Seek(d.fd, 0, 0); err != nil {
		return err
	}
	for {
		n, err := unix.Getdents(d.fd, d.buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "readdirent", Path: ".", Err: err}
		}
		if n == 0 {
			return nil
		}
		if err := eachDirent(d.buf[:n], yield); err != nil {
			return err
		}
	}
}

// eachDirent parses the output of getdents64: records of an inode (8 bytes), an offset
// (8), the record's length (2), a type (1) and a name that ends in a NUL.
func eachDirent(buf []byte, yield func(elem []byte, kind vfs.Kind) error) error {
	const lenAt, typeAt, nameAt = 16, 18, 19
	for len(buf) > 0 {
		if len(buf) < nameAt {
			return errDirent
		}
		size := int(binary.NativeEndian.Uint16(buf[lenAt:]))
		if size < nameAt || size > len(buf) {
			return errDirent
		}
		elem := buf[nameAt:size]
		if i := bytes.IndexByte(elem, 0); i >= 0 {
			elem = elem[:i]
		}
		if s := string(elem); s != "." && s != ".." {
			if err := yield(elem, direntKind(buf[typeAt])); err != nil {
				return err
			}
		}
		buf = buf[size:]
	}
	return nil
}

var errDirent = errors.New("malformed directory entry")

func direntKind(t byte) vfs.Kind {
	switch t {
	case unix.DT_REG:
		return vfs.KindFile
	case unix.DT_DIR:
		return vfs.KindDir
	case unix.DT_LNK:
		return vfs.KindLink
	case unix.DT_UNKNOWN:
		return driver.KindUnknown
	}
	return vfs.KindSpecial
}
