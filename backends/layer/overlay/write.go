package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Put implements vfs.Backend. Without a condition, and if the first backend has no
// directories, it is one call of that one.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.caps.Writable {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	if err := checkName("put", n); err != nil {
		return vfs.Info{}, err
	}
	above := false // the new object covers a lower one, under a condition
	if conditional(&opts.Cond) || b.layers[0].dirs {
		var err error
		if opts.Cond, above, err = b.prepare(ctx, n, opts.Cond); err != nil {
			return vfs.Info{}, err
		}
	}
	info, err := b.layers[0].Put(ctx, n, body, opts)
	if above && errors.Is(err, vfs.ErrExist) {
		// Somebody else has replaced the object that the condition was about.
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrPrecondition}
	}
	return info, err
}

// Locate implements driver.Locator: all changes are made in the first backend.
func (b *backend) Locate(n vfs.Name) driver.Location { return driver.Locate(b.layers[0].Backend, n) }

// now asks for the present state of an object, before a change.
var now = vfs.Request{Cond: vfs.Cond{Unsafe: true}}

func conditional(c *vfs.Cond) bool { return c.NeedsObject() || !c.IfNoneMatch.IsZero() }

// prepare checks whether n can be stored in the merged tree under cond. It returns the
// condition for the first backend. above is set if that one only creates, although the
// caller's condition needs an object.
func (b *backend) prepare(ctx context.Context, n vfs.Name, cond vfs.Cond) (rest vfs.Cond, above bool, err error) {
	info, layer, err := b.stat(ctx, "put", n, now)
	switch {
	case vfs.ReasonOf(err) == reason.Missing:
		if cond.NeedsObject() {
			return cond, false, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrPrecondition}
		}
		return cond, false, b.checkAbove(ctx, n)
	case err != nil:
		return cond, false, err
	case layer == 0:
		return cond, false, nil
	}
	req := vfs.Request{Cond: cond}
	req.Cond.Unsafe = true
	if _, err := req.Resolve("put", info); err != nil {
		return cond, false, err
	}
	if err := b.checkBelow(ctx, "put", n, layer); err != nil {
		return cond, false, err
	}
	switch {
	case cond.IfMatch.Any:
		// Any version will do, also one that appears in the first backend meanwhile.
		return vfs.Cond{IfNoneMatch: cond.IfNoneMatch, Unsafe: true}, false, nil
	case cond.NeedsObject():
		return vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}, true, nil
	}
	return cond, false, nil
}

// checkAbove refuses a new object below another one, which its directory would hide.
func (b *backend) checkAbove(ctx context.Context, n vfs.Name) error {
	if !b.layers[0].dirs {
		return nil
	}
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		if _, isDir, err := b.layers[0].coversAt(ctx, dir); err != nil {
			return about("put", n, err)
		} else if isDir {
			return nil
		}
		_, _, err := b.stat(ctx, "put", dir, now)
		switch why := vfs.ReasonOf(err); {
		case why == reason.Directory:
			return nil
		case err == nil:
			return driver.Refuse("put", n, reason.Missing)
		case why != reason.Missing:
			return about("put", n, err)
		}
	}
	return nil
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.caps.Writable {
		return driver.Unsupported{}.Remove(ctx, n, cond)
	}
	info, layer, err := b.stat(ctx, "remove", n, now)
	if err != nil {
		return err
	}
	req := vfs.Request{Cond: cond}
	req.Cond.Unsafe = true
	if _, err := req.Resolve("remove", info); err != nil {
		return err
	}
	lower := layer > 0
	if !lower {
		if lower, err = b.hasBelow(ctx, n); err != nil {
			return about("remove", n, err)
		}
	}
	created := false
	if lower {
		if b.opts.NoWhiteouts {
			return driver.Unsupported{}.Remove(ctx, n, cond)
		}
		if err := b.checkBelow(ctx, "remove", n, layer); err != nil {
			return err
		}
		if created, err = b.hide(ctx, n); err != nil {
			return err
		}
	}
	switch {
	case layer == 0:
		if err := b.hideAbove(ctx, n); err != nil {
			return err
		}
		err = b.layers[0].Remove(ctx, n, cond)
	case !created: // somebody else has removed it
		err = driver.Refuse("remove", n, reason.Missing)
	}
	if err == nil && !b.opts.NoWhiteouts {
		b.markEmptied(ctx, n)
	}
	return err
}

// checkBelow refuses to cover or hide the object n of a lower backend if that would also
// hide objects below it. Where the first backend has directories, it would.
func (b *backend) checkBelow(ctx context.Context, op string, n vfs.Name, layer int) error {
	if layer == 0 || !b.layers[0].dirs {
		return nil
	}
	shown, err := b.showsLower(ctx, n)
	switch {
	case err != nil:
		return about(op, n, err)
	case shown && op == "put":
		return driver.Refuse(op, n, reason.Directory)
	case shown: // the object exists, so the failure must not look like a missing one
		return &vfs.Error{Op: op, Name: n.String(), Err: fmt.Errorf("%w: it would hide the objects below this one: remove these first", vfs.ErrUnsupported)}
	}
	return nil
}

// hideAbove hides a lower object that has the name of one of n's directories: it would
// show if that directory disappeared with n. It does not if the whiteout would also hide
// what is shown below it.
func (b *backend) hideAbove(ctx context.Context, n vfs.Name) error {
	if !b.layers[0].dirs {
		return nil
	}
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		for _, l := range b.layers[1:] {
			// A backend without directories has no answer for one.
			covered, isDir, err := l.coversAt(ctx, dir)
			switch {
			case err != nil:
				return about("remove", n, err)
			case isDir: // as are those above it
				return nil
			case !covered:
				continue
			}
			if shown, err := b.showsLower(ctx, dir); err != nil {
				return about("remove", n, err)
			} else if shown {
				break
			}
			if b.opts.NoWhiteouts {
				return driver.Unsupported{}.Remove(ctx, n, vfs.Cond{})
			}
			if _, err := b.hide(ctx, dir); err != nil {
				return about("remove", n, err)
			}
			break
		}
	}
	return nil
}

// hasBelow reports whether a lower backend has anything that would show if the first
// backend's object n were gone: that name or, since an object can cover a directory,
// names below it.
func (b *backend) hasBelow(ctx context.Context, n vfs.Name) (bool, error) {
	for _, l := range b.layers[1:] {
		_, err := l.Stat(ctx, n, vfs.Request{})
		switch {
		case err == nil, !missing(err) && vfs.ReasonOf(err) != "":
			return true, nil
		case !missing(err):
			return false, err
		case l.dirs || !b.layers[0].dirs:
			continue
		}
		if there, err := l.lists(ctx, n); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// lists reports whether l has the directory dir.
func (l layer) lists(ctx context.Context, dir vfs.Name) (bool, error) {
	for _, err := range l.List(withNames(ctx), dir, "") {
		if missing(err) {
			return false, nil
		}
		return err == nil, err
	}
	return true, nil
}
