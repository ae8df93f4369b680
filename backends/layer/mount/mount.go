// Package mount joins backends to one tree, by directory: [New] takes the backend of the
// top and a [Point] for each directory that another backend serves. Use it where the
// parts of a site live in different stores but share one policy and one set of users.
// (Mounts of the server are the way to give each part its own policy.) To lay trees over
// each other, so that names are looked for in several stores, use package overlay.
//
// A name belongs to exactly one backend, that of the longest mount point above it, and
// only that one is called. So an object costs the same requests as without the layer,
// and a store that fails affects only its own directory.
package mount

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Point is a mount point: the top of Backend appears as the directory At.
type Point struct {
	At      string // a name as vfs.ParseName accepts it
	Backend vfs.Backend
}

// New returns a layer that shows top with the backends of points in it. Points may be
// below each other: the longest one decides. New fails if a point is not a valid name or
// occurs twice, or if a backend is nil; for a top with nothing else, use an empty
// mem.Backend.
//
// A mount point is a directory, and so are the names above it, whether or not the
// backend there has such a directory. It hides what that backend has under its name and
// below; an object or a link with the name of a directory above it is hidden, too. It
// stays when its last object is removed. To store an object under one of these names is
// refused with [reason.Directory].
//
// A symbolic link leads to a name of the whole tree, as on Unix, so a link in one
// backend can lead into a backend mounted below it, never above its own top.
//
// Copies and moves inside a store work between names of one backend, and of backends that
// share a store; between others, the bytes pass through the process. Caps.Directories and
// Caps.Ranges are set if all backends set them, Writable, Direct, Copies, Moves and Encodings
// if one does: the backend of a name then decides. Walks is not set. Kind is that of the
// backends, or "mount" if they differ.
func New(top vfs.Backend, points ...Point) (vfs.Backend, error) {
	b := &backend{parts: map[vfs.Name]vfs.Backend{vfs.Root: top}, above: map[vfs.Name][]string{vfs.Root: nil}}
	for _, p := range points {
		at, err := vfs.ParseName(p.At)
		if err != nil {
			return nil, fmt.Errorf("mount: the mount point %q is not a valid name: %s", p.At, vfs.ReasonOf(err).Detail())
		}
		if _, twice := b.parts[at]; twice {
			return nil, fmt.Errorf("mount: %q is mounted twice", p.At)
		}
		b.parts[at] = p.Backend
		if _, ok := b.above[at]; !ok {
			b.above[at] = nil // an entry, even if nothing is mounted below it
		}
		for n := at; !n.IsRoot(); n = n.Dir() {
			b.above[n.Dir()] = append(b.above[n.Dir()], n.Base())
		}
	}
	for at, p := range b.parts {
		if p == nil {
			return nil, fmt.Errorf("mount: no backend for %q", at)
		}
	}
	for dir, elems := range b.above {
		slices.SortFunc(elems, compareKeys)
		b.above[dir] = slices.Compact(elems)
	}
	b.caps = b.common()
	return b, nil
}

// compareKeys compares the keys of two directories.
func compareKeys(a, b string) int { return strings.Compare(a+"/", b+"/") }

type backend struct {
	parts map[vfs.Name]vfs.Backend // by mount point; that of the top is vfs.Root
	// above has the mount points and the directories above them, each with the elements
	// below it that are mount points or above one, in the order of keys.
	above map[vfs.Name][]string
	caps  vfs.Caps
}

var (
	_ driver.Copier  = (*backend)(nil)
	_ driver.Mover   = (*backend)(nil)
	_ driver.Locator = (*backend)(nil)
)

func (b *backend) common() vfs.Caps {
	caps := b.parts[vfs.Root].Caps()
	for _, p := range b.parts {
		c := p.Caps()
		if c.Kind != caps.Kind {
			caps.Kind = "mount"
		}
		caps.Directories = caps.Directories && c.Directories
		caps.Ranges = caps.Ranges && c.Ranges
		caps.Writable = caps.Writable || c.Writable
		caps.Direct = caps.Direct || c.Direct
		caps.Copies = caps.Copies || c.Copies
		caps.Moves = caps.Moves || c.Moves
		caps.Encodings = caps.Encodings || c.Encodings
	}
	caps.Walks = false
	return caps
}

// Caps implements vfs.Backend.
func (b *backend) Caps() vfs.Caps { return b.caps }

// A part is the backend of a mount point.
type part struct {
	vfs.Backend
	at vfs.Name
}

// find returns the backend that n belongs to, and n's name there.
func (b *backend) find(op string, n vfs.Name) (part, vfs.Name, error) {
	if n.IsZero() {
		return part{}, vfs.Name{}, driver.Refuse(op, n, reason.NameEmpty)
	}
	at := n
	for b.parts[at] == nil {
		at = at.Dir()
	}
	below, _ := n.Within(at)
	return part{b.parts[at], at}, below, nil
}

// object is find for the name of an object: mount points, and what is above them, are
// refused as directories.
func (b *backend) object(op string, n vfs.Name) (part, vfs.Name, error) {
	if _, isDir := b.above[n]; isDir {
		why := reason.Directory
		if op != "put" && !b.caps.Directories {
			why = reason.Missing
		}
		return part{}, vfs.Name{}, driver.Refuse(op, n, why)
	}
	return b.find(op, n)
}

// target is object for what is stored with the options.
func (b *backend) target(n vfs.Name, opts *vfs.PutOptions) (part, vfs.Name, error) {
	p, at, err := b.object("put", n)
	if err != nil {
		return part{}, vfs.Name{}, err
	}
	if caps := p.Caps(); !caps.Keeps(opts) {
		return part{}, vfs.Name{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrUnfit}
	}
	return p, at, nil
}

// fail converts an error of p.
func (b *backend) fail(ctx context.Context, op string, n vfs.Name, p part, err error) error {
	if op != "put" && vfs.ReasonOf(err) == reason.Symlink && b.behindHidden(ctx, n, p) {
		return driver.Refuse(op, n, reason.Missing)
	}
	err = driver.Renamed(op, n, err, func(link vfs.Name) vfs.Name {
		link, _ = p.at.Join(link) // the zero Name if it is too long
		return link
	})
	if vfs.ReasonOf(err) == reason.Directory && op != "put" && !b.caps.Directories {
		return driver.Refuse(op, n, reason.Missing)
	}
	return err
}

// behindHidden reports whether a link that p has on the path of n is hidden, since it has the
// name of a directory above a mount point.
func (b *backend) behindHidden(ctx context.Context, n vfs.Name, p part) bool {
	for dir := n.Dir(); dir != p.at && !dir.IsRoot(); dir = dir.Dir() {
		if _, isAbove := b.above[dir]; isAbove {
			// The deepest such directory will do: a link above it is on its path, too.
			at, _ := dir.Within(p.at)
			_, err := p.Stat(ctx, at, vfs.Request{})
			why := vfs.ReasonOf(err)
			// If it fails, nobody knows, so the link is not followed.
			return err != nil && why != reason.Directory && why != reason.Missing
		}
	}
	return false
}

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	p, at, err := b.object("open", n)
	if err != nil {
		return nil, err
	}
	obj, err := p.Open(ctx, at, req)
	if err != nil {
		return nil, b.fail(ctx, "open", n, p, err)
	}
	obj.Info.Name = n
	return obj, nil
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	p, at, err := b.object("stat", n)
	if err != nil {
		return vfs.Info{}, err
	}
	info, err := p.Stat(ctx, at, req)
	return b.named(ctx, "stat", n, p, info, err)
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	p, at, err := b.target(n, &opts)
	if err != nil {
		return vfs.Info{}, err
	}
	info, err := p.Put(ctx, at, body, opts)
	return b.named(ctx, "put", n, p, info, err)
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
	p, at, err := b.find("locate", n)
	if err != nil { // the zero Name: nothing is stored
		return driver.Location{}
	}
	return driver.Locate(p.Backend, at)
}

// inside lets a store copy or move an object of src, which may also be such a layer.
func (b *backend) inside(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions,
	do func(context.Context, vfs.Backend, vfs.Name, vfs.Backend, vfs.Info, vfs.PutOptions) (vfs.Info, error)) (vfs.Info, error) {
	p, at, err := b.target(n, &opts)
	if err != nil {
		return vfs.Info{}, err
	}
	if m, ok := driver.Under(src).(*backend); ok {
		q, name, err := m.object("open", from.Name)
		if err != nil {
			return vfs.Info{}, driver.Renamed("put", n, err, nil)
		}
		src, from.Name = q.Backend, name
	}
	info, err := do(ctx, p.Backend, at, src, from, opts)
	return b.named(ctx, "put", n, p, info, err)
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	p, at, err := b.object("remove", n)
	if err != nil {
		return err
	}
	if err := p.Remove(ctx, at, cond); err != nil {
		return b.fail(ctx, "remove", n, p, err)
	}
	return nil
}

// List implements vfs.Backend. It lists one backend and holds one entry at a time: the
// mount points below dir are known.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		p, at, err := b.find("list", dir)
		if err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		points, isAbove := b.above[dir]
		if len(points) > 0 {
			hint := driver.ListHintOf(ctx)
			hint.AnyOrder = false
			ctx = driver.WithListHint(ctx, hint)
		}
		rest := points
		for len(rest) > 0 && rest[0]+"/" <= after {
			rest = rest[1:]
		}
		found := false
		for e, err := range p.List(ctx, at, after) {
			if err != nil {
				if isAbove && at != vfs.Root && !found && hasNothing(err) {
					break // the backend of a directory above a mount point need not have it
				}
				yield(vfs.Entry{}, b.fail(ctx, "list", dir, p, err))
				return
			}
			found = true
			if _, hidden := slices.BinarySearchFunc(points, e.Elem, compareKeys); hidden {
				continue
			}
			for len(rest) > 0 && rest[0]+"/" < e.Key() {
				if !yield(vfs.Entry{Elem: rest[0], Kind: vfs.KindDir}, nil) {
					return
				}
				rest = rest[1:]
			}
			if !yield(e, nil) {
				return
			}
		}
		for _, elem := range rest {
			if !yield(vfs.Entry{Elem: elem, Kind: vfs.KindDir}, nil) {
				return
			}
		}
	}
}

// hasNothing reports whether a listing failed because there is no such directory.
func hasNothing(err error) bool {
	switch vfs.ReasonOf(err) {
	case reason.Missing, reason.Symlink, reason.SpecialFile:
		return true
	}
	return false
}

func (b *backend) named(ctx context.Context, op string, n vfs.Name, p part, info vfs.Info, err error) (vfs.Info, error) {
	if err != nil {
		return vfs.Info{}, b.fail(ctx, op, n, p, err)
	}
	info.Name = n
	return info, nil
}
