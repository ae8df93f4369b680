package mem

import (
	"context"
	"io"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

var _ driver.Mover = (*Backend)(nil)

// MoveFrom renames an object of this same Backend. It fails with vfs.ErrUnsupported if src
// is another one.
func (b *Backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if driver.Under(src) != vfs.Backend(b) || from.Name == n {
		return driver.Unsupported{}.Put(ctx, n, nil, opts)
	}
	if err := ctx.Err(); err != nil {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, err := b.find("open", from.Name)
	if err != nil {
		return vfs.Info{}, err
	}
	if o.info.ETag != from.ETag {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrChanged}
	}
	if opts.ContentTime.IsZero() {
		if opts.ContentTime = o.info.ContentTime; opts.ContentTime.IsZero() {
			opts.ContentTime = o.info.ModTime
		}
	}
	content, err := io.ReadAll(&body{ctx: ctx, data: o.data, span: vfs.Span{Length: o.info.Size}})
	if err != nil {
		return vfs.Info{}, driver.FSError("put", n, err)
	}
	info, err := b.store(n, content, opts)
	if err != nil {
		return vfs.Info{}, err
	}
	return info, b.remove(from.Name)
}
