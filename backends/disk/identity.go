package disk

import (
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A stat is the system's description of a file.
type stat struct {
	mode     fs.FileMode
	size     int64
	mtime    time.Time
	dev, ino uint64 // 0 where the system has none
	nlink    uint64
	id       ownfile.ID
}

func (st *stat) info(n vfs.Name) vfs.Info {
	return vfs.Info{Name: n, Size: st.size, ModTime: st.mtime, ContentTime: st.mtime, ETag: st.etag(n)}
}

// reason checks what was found, regardless of its name: it returns "" for a file that
// is an object, or else the reason why it is not. No other function decides this. again
// repeats the stat of the same file.
func (b *Backend) reason(st *stat, again func() (stat, error)) vfs.Reason {
	if ownfile.Is(st.id) {
		return reason.OwnFile
	}
	if why := reason.ForMode(st.mode); why != "" {
		return why
	}
	if st.nlink > 1 && b.opts.RefuseHardLinks && !b.beingInstalled(st, again) {
		return reason.HardLink
	}
	return ""
}

// beingInstalled reports whether a file has its second name in staging. Such a file is
// an object: either a Put is about to finish it on a file system that can create a name
// only by a link, or a process died before finishing it.
func (b *Backend) beingInstalled(st *stat, again func() (stat, error)) bool {
	if st.nlink != 2 {
		return false
	}
	if b.inStaging(st) {
		return true
	}
	// The Put may have finished between the two stats.
	now, err := again()
	return err == nil && now.nlink == 1 && now.ino == st.ino && now.dev == st.dev
}

func (b *Backend) inStaging(st *stat) bool {
	// The caller may already hold life, with Close waiting for it.
	if !b.life.TryRLock() {
		return false
	}
	defer b.life.RUnlock()
	if b.closed {
		return false
	}
	top, err := b.tree.top()
	if err != nil {
		return false
	}
	defer top.close()
	stage, err := top.open(staging())
	if err != nil {
		return false
	}
	defer stage.close()
	elems, err := stage.names()
	if err != nil {
		return false
	}
	for _, elem := range elems {
		if is, err := stage.lstat(elem); err == nil && is.ino == st.ino && is.dev == st.dev && is.ino != 0 {
			return true
		}
	}
	return false
}

// checkDir refuses a directory of the process itself.
func checkDir(op string, n vfs.Name, d folder) error {
	if !ownfile.Holds() {
		return nil
	}
	st, err := d.lstat(".")
	if err != nil {
		return err
	}
	if ownfile.Is(st.id) {
		return driver.Refuse(op, n, reason.OwnFile)
	}
	return nil
}

// checkNew refuses to create elem in a directory if that would be a file of the process
// itself: a journal created beside a database, for example, changes the database.
func checkNew(op string, n vfs.Name, d folder, elem string) error {
	if !ownfile.Holds() {
		return nil
	}
	st, err := d.lstat(".")
	if err != nil {
		return err
	}
	if ownfile.Reserves(st.id, elem) {
		return driver.Refuse(op, n, reason.OwnFile)
	}
	return nil
}
