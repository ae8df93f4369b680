package aferofs

import (
	"context"
	"io/fs"
	"iter"
	"strings"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// List yields the entries of dir in order. An afero.Fs has them in any order,
// so that each call reads the whole directory.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return vfs.ListWhole(ctx, dir, after, func() ([]fs.DirEntry, error) { return b.readDir(ctx, dir) })
}

func (b *Backend) readDir(ctx context.Context, dir vfs.Name) ([]fs.DirEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// MemMapFs sorts by names that it lets a rename change meanwhile.
	b.mu.RLock()
	defer b.mu.RUnlock()
	st, err := b.lookup("list", dir, true)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, syscall.ENOTDIR
	}
	f, err := b.fsys.Open(b.path(dir.String()))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	infos, err := f.Readdir(-1)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(infos))
	for _, st := range infos {
		if !strings.HasPrefix(st.Name(), put.Reserved) {
			list = append(list, fs.FileInfoToDirEntry(st))
		}
	}
	return list, nil
}
