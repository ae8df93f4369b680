package overlay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A whiteout of the object "dir/elem" is the object Reserved/hides-HASH/elem, where HASH
// is that of "dir": so it can be stored if the object itself can, however long its name
// is, and the whiteouts of one directory list in the order of the entries that they hide.
//
// A mark of the directory "dir/elem" is the object Reserved/emptied-HASH/elem/mark: it
// lists as a directory, in the order of directories. It says that all objects below were
// hidden once, so that a listing must check whether the directory still exists; it hides
// nothing itself.
const (
	whiteouts = "hides-"
	marks     = "emptied-"
	markElem  = "mark"
)

// holder returns the directory for the whiteouts or marks of dir's entries.
func holder(what string, dir vfs.Name) vfs.Name {
	sum := sha256.Sum256([]byte(dir.String()))
	n, err := vfs.ParseName(Reserved + "/" + what + hex.EncodeToString(sum[:]))
	if err != nil {
		panic("overlay: " + err.Error()) // cannot happen: it does not depend on dir
	}
	return n
}

func whiteout(n vfs.Name) (vfs.Name, error) { return holder(whiteouts, n.Dir()).Child(n.Base()) }

func mark(dir vfs.Name) (vfs.Name, error) {
	n, err := holder(marks, dir.Dir()).Child(dir.Base())
	if err != nil {
		return vfs.Name{}, err
	}
	return n.Child(markElem)
}

// whited reports whether a whiteout hides n. If the first backend has directories, a
// whiteout also hides what is below its name.
func (b *backend) whited(ctx context.Context, n vfs.Name) (bool, error) {
	if b.opts.NoWhiteouts {
		return false, nil
	}
	for ; !n.IsRoot(); n = n.Dir() {
		if there, err := b.whitedAt(ctx, n); there || err != nil || !b.layers[0].dirs {
			return there, err
		}
	}
	return false, nil
}

// whitedAt reports whether there is a whiteout of n itself.
func (b *backend) whitedAt(ctx context.Context, n vfs.Name) (bool, error) {
	at, err := whiteout(n)
	if err != nil {
		return false, err
	}
	return b.has(ctx, at)
}

// whitedDir reports whether whiteouts hide all that lower backends have in dir.
func (b *backend) whitedDir(ctx context.Context, dir vfs.Name) (bool, error) {
	if !b.layers[0].dirs {
		return false, nil
	}
	return b.whited(ctx, dir)
}

// marked reports whether there is a mark of dir.
func (b *backend) marked(ctx context.Context, dir vfs.Name) (bool, error) {
	if b.opts.NoWhiteouts || dir.IsRoot() {
		return false, nil
	}
	at, err := mark(dir)
	if err != nil {
		return false, err
	}
	return b.has(ctx, at)
}

// has reports whether the first backend has anything under the name at.
func (b *backend) has(ctx context.Context, at vfs.Name) (bool, error) {
	_, err := b.layers[0].Stat(ctx, at, vfs.Request{})
	switch {
	case missing(err):
		return false, nil
	case err == nil, vfs.ReasonOf(err) != "": // whatever it is, it is in the place of one
		return true, nil
	}
	return false, err
}

// hide stores the whiteout of n. It reports false if there was one already.
func (b *backend) hide(ctx context.Context, n vfs.Name) (bool, error) {
	at, err := whiteout(n)
	if err == nil {
		err = b.create(ctx, at, n)
	}
	switch {
	case errors.Is(err, vfs.ErrExist):
		return false, nil
	case vfs.ReasonOf(err) != "":
		// The object exists, so the failure must not look like a missing one.
		return false, &vfs.Error{Op: "remove", Name: n.String(), Err: fmt.Errorf("%w: the first backend cannot store the whiteout: %s", vfs.ErrUnsupported, vfs.ReasonOf(err))}
	case err != nil:
		return false, about("remove", n, err)
	}
	return true, nil
}

// markWait bounds the time to store marks after a removal whose caller has gone.
const markWait = 5 * time.Second

// markEmptied stores the marks of n's directories that the merged tree no longer has,
// but a lower backend has. If it fails, they stay listed, empty: n itself is removed. No
// later call would notice, so it does not end with the caller's context.
func (b *backend) markEmptied(ctx context.Context, n vfs.Name) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markWait)
	defer cancel()
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		if shown, err := b.shows(ctx, dir); shown || err != nil {
			return
		}
		for _, l := range b.layers[1:] {
			there, err := l.lists(ctx, dir)
			if err != nil {
				return
			}
			if !there {
				continue
			}
			at, err := mark(dir)
			if err == nil {
				err = b.create(ctx, at, dir)
			}
			if err != nil && !errors.Is(err, vfs.ErrExist) {
				return
			}
			break
		}
	}
}

// create stores an object of the layer itself, for an operator with the name that it is
// about.
func (b *backend) create(ctx context.Context, at, about vfs.Name) error {
	text := about.String() + "\n"
	cond := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}
	_, err := b.layers[0].Put(ctx, at, strings.NewReader(text), vfs.PutOptions{Cond: cond, Size: int64(len(text)), SizeKnown: true})
	return err
}

// withNames returns a context for a listing of which only the first entry matters.
func withNames(ctx context.Context) context.Context {
	return driver.WithListHint(ctx, driver.ListHint{Names: true, Limit: 1, Requests: driver.ListHintOf(ctx).Requests})
}
