package aferofs

import (
	"context"
	"io/fs"
	"iter"
	"strings"
	"syscall"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// List yields the entries of dir in order. An afero.Fs returns them in any order, so
// each call reads the whole directory: in parts if its files are fs.ReadDirFiles, as
// those of an OsFs are, or else at once, with all metadata.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return driver.ListWhole(ctx, dir, after, func(take func(fs.DirEntry) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, whole, err := b.openDir(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		named := func(d fs.DirEntry) error {
			if strings.HasPrefix(d.Name(), put.Reserved) {
				return nil
			}
			return take(d)
		}
		if d, ok := f.(fs.ReadDirFile); ok {
			return driver.EachEntry(d, named)
		}
		for _, st := range whole {
			if err := named(fs.FileInfoToDirEntry(st)); err != nil {
				return err
			}
		}
		return nil
	})
}

// openDir opens a directory. It reads it whole if it cannot be read in parts.
func (b *Backend) openDir(dir vfs.Name) (f afero.File, whole []fs.FileInfo, err error) {
	// MemMapFs sorts by names that a concurrent rename can change.
	b.mu.RLock()
	defer b.mu.RUnlock()
	st, err := b.lookup("list", dir, true)
	if err != nil {
		return nil, nil, err
	}
	if !st.IsDir() {
		return nil, nil, syscall.ENOTDIR
	}
	if reason.ForFile(st) == reason.OwnFile {
		return nil, nil, driver.Refuse("list", dir, reason.OwnFile)
	}
	if f, err = b.fsys.Open(b.path(dir.String())); err != nil {
		return nil, nil, err
	}
	if _, ok := f.(fs.ReadDirFile); ok {
		return f, nil, nil
	}
	if whole, err = f.Readdir(-1); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, whole, nil
}
