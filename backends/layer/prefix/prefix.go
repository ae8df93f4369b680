// Package prefix makes a directory of a backend a backend of its own: [New] takes the
// backend and the directory's vfs.Name. Use it to give each tenant, user or test its own
// tree in one store. disk.New of a subdirectory and s3.Options.Prefix do the same with
// less work, where the directory is fixed and the store is theirs alone.
//
// A name becomes a name below by vfs.Name.Join, which cannot leave the directory, and no
// error, link or listing shows anything of the directory's own name or of what is beside
// it. Only a URL that the store itself signs (vfs.Request.Direct) contains the whole key.
package prefix

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// New returns a layer over b that shows what is below the directory dir. With vfs.Root,
// that is everything. It fails if dir is the zero Name.
//
// The top of the layer always exists, as an empty directory if b has no dir. b creates
// dir with the first object and removes it with the last one, and the directories above
// it too if that leaves them empty: to b, dir is a directory like others. An object with
// the name dir is not shown.
//
// A name that is too long for b together with dir is refused with [reason.Unholdable]. A
// link out of dir is refused, and so is every name if dir itself has a link on its path.
//
// Copies and moves inside the store work between these layers; from one of them to the
// backend itself, the bytes pass through the process.
func New(b vfs.Backend, dir vfs.Name) (vfs.Backend, error) {
	if b == nil || dir.IsZero() {
		return nil, errors.New("prefix: no backend or no directory")
	}
	return &backend{b, dir}, nil
}

type backend struct {
	vfs.Backend
	dir vfs.Name
}

var (
	_ driver.Walker  = (*backend)(nil)
	_ driver.Copier  = (*backend)(nil)
	_ driver.Mover   = (*backend)(nil)
	_ driver.Locator = (*backend)(nil)
)

// object returns the name of the object n in the backend below. The top is none.
func (b *backend) object(op string, n vfs.Name) (vfs.Name, error) {
	if n.IsRoot() {
		why := reason.Missing
		if b.Caps().Directories {
			why = reason.Directory
		}
		return vfs.Name{}, driver.Refuse(op, n, why)
	}
	return b.join(op, n)
}

func (b *backend) join(op string, n vfs.Name) (vfs.Name, error) {
	if n.IsZero() {
		return vfs.Name{}, driver.Refuse(op, n, reason.NameEmpty)
	}
	whole, err := b.dir.Join(n)
	if err != nil {
		return vfs.Name{}, driver.Refuse(op, n, reason.Unholdable)
	}
	return whole, nil
}

// outer returns the layer's name for a link's target.
func (b *backend) outer(n vfs.Name) vfs.Name {
	n, _ = n.Within(b.dir) // the zero Name if the target is outside
	return n
}

func (b *backend) fail(op string, n vfs.Name, err error) error {
	return driver.Renamed(op, n, err, b.outer)
}

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	at, err := b.object("open", n)
	if err != nil {
		return nil, err
	}
	obj, err := b.Backend.Open(ctx, at, req)
	if err != nil {
		return nil, b.fail("open", n, err)
	}
	obj.Info.Name = n
	return obj, nil
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	at, err := b.object("stat", n)
	if err != nil {
		return vfs.Info{}, err
	}
	info, err := b.Backend.Stat(ctx, at, req)
	return b.named("stat", n, info, err)
}

// List implements vfs.Backend.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.list(dir, func(at vfs.Name) iter.Seq2[vfs.Entry, error] { return b.Backend.List(ctx, at, after) })
}

// Walk implements driver.Walker.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.list(dir, func(at vfs.Name) iter.Seq2[vfs.Entry, error] { return driver.Walk(ctx, b.Backend, at) })
}

func (b *backend) list(dir vfs.Name, list func(at vfs.Name) iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		at, err := b.join("list", dir)
		if err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		for e, err := range list(at) {
			if dir.IsRoot() && vfs.ReasonOf(err) == reason.Missing {
				return
			}
			if err != nil {
				err = b.fail("list", dir, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	at, err := b.object("put", n)
	if err != nil {
		return vfs.Info{}, err
	}
	info, err := b.Backend.Put(ctx, at, body, opts)
	return b.named("put", n, info, err)
}

// CopyFrom implements driver.Copier.
func (b *backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return b.inside(ctx, n, src, from, opts, driver.CopyFrom)
}

// MoveFrom implements driver.Mover.
func (b *backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return b.inside(ctx, n, src, from, opts, driver.MoveFrom)
}

// Locate implements driver.Locator.
func (b *backend) Locate(n vfs.Name) driver.Location {
	at, _ := b.dir.Join(n) // the zero Name if it is too long: then b stores nothing
	return driver.Locate(b.Backend, at)
}

// inside lets the store copy or move an object of src, which may also be such a layer.
func (b *backend) inside(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions,
	do func(context.Context, vfs.Backend, vfs.Name, vfs.Backend, vfs.Info, vfs.PutOptions) (vfs.Info, error)) (vfs.Info, error) {
	at, err := b.object("put", n)
	if err != nil {
		return vfs.Info{}, err
	}
	for {
		p, ok := driver.Under(src).(*backend)
		if !ok {
			break
		}
		if from.Name, err = p.object("open", from.Name); err != nil {
			return vfs.Info{}, b.fail("put", n, err)
		}
		src = p.Backend
	}
	info, err := do(ctx, b.Backend, at, src, from, opts)
	return b.named("put", n, info, err)
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	at, err := b.object("remove", n)
	if err != nil {
		return err
	}
	if err := b.Backend.Remove(ctx, at, cond); err != nil {
		return b.fail("remove", n, err)
	}
	return nil
}

func (b *backend) named(op string, n vfs.Name, info vfs.Info, err error) (vfs.Info, error) {
	if err != nil {
		return vfs.Info{}, b.fail(op, n, err)
	}
	info.Name = n
	return info, nil
}
