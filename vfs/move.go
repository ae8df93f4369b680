package vfs

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// Move stores the object from of src, which may be j itself, under the name to, and
// removes it from src. The caller needs the rights to read and delete from and to write
// to. At every moment, readers find the object under one of the two names at least, and
// if Move fails, from is still there, unless the error is that of a lost connection
// after the copy was complete.
//
// If the store can rename, Move uses that; see driver.Mover. Otherwise it copies, as Copy
// does, and then removes the version that was copied. If from changes in between, Move
// fails with [ErrChanged], and from keeps its new content. Of several concurrent calls
// for one object at most one succeeds; on a store that cannot rename, the others can
// leave copies under their own names, except with opts.Cond.IfNoneMatch "*".
//
// Move refuses symbolic links as Remove does, and to and from that are the same name of
// one backend ([ErrUnsupported], as for an object without an ETag). Two backends over the
// same objects, such as two clients of one bucket, must not be used for one Move: where
// ETags depend on the content alone, it could remove the object that it has just written.
//
// Other errors are those of Copy and Remove.
func (j *Jail) Move(ctx context.Context, to Name, src *Jail, from Name, opts PutOptions) (Written, error) {
	// Check all rights first, so that nothing is done for a move that may not be
	// completed.
	v := j.admit(ctx, OpWrite, to)
	if err := v.err("put"); err != nil {
		return Written{}, err
	}
	d := src.admit(ctx, OpDelete, from)
	if err := d.err("remove"); err != nil {
		return Written{}, err
	}
	version, err := src.versionOf(ctx, from, opts.source())
	if err != nil {
		return Written{}, err
	}
	if version.ETag == "" || to == from && sameBackend(j.backend, src.backend) {
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnsupported}
	}
	if w, err := j.moveInside(ctx, &v, src, version, opts); !errors.Is(err, ErrUnsupported) {
		return w, err
	}
	this := Cond{IfMatch: Tags{List: []Tag{{Value: version.ETag, Set: true}}}, Unsafe: true}
	w, err := j.copyVersion(ctx, &v, src, version, this, opts)
	if err != nil {
		return Written{}, err
	}
	if w.LostEncoding != "" {
		j.undoCopy(ctx, &w, opts.Cond)
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnsupported}
	}
	if err = src.remove(ctx, from, this); err == nil {
		return w, nil
	}
	if errors.Is(err, ErrPrecondition) || ReasonOf(err) != "" {
		j.undoCopy(ctx, &w, opts.Cond)
	}
	return Written{}, outward("remove", from, d.Rule, changed(err))
}

// versionOf returns the Info of the object n, not following links.
func (j *Jail) versionOf(ctx context.Context, n Name, cond Cond) (*Info, error) {
	v := j.admit(ctx, OpRead, n)
	if err := v.err("stat"); err != nil {
		return nil, err
	}
	info, err := j.backend.Stat(ctx, n, Request{Cond: cond})
	if err != nil {
		return nil, outward("stat", n, v.Rule, err)
	}
	info.Name, info.Rule = n, v.Rule
	return &info, nil
}

// moveInside lets the store rename the object. It fails with ErrUnsupported, without
// having changed anything, if the object must be copied and removed instead.
func (j *Jail) moveInside(ctx context.Context, v *Verdict, src *Jail, version *Info, opts PutOptions) (Written, error) {
	store, ok := j.backend.(interface {
		MoveFrom(ctx context.Context, n Name, src Backend, from Info, opts PutOptions) (Info, error)
	})
	if !ok || !j.caps.Moves || src.caps.Kind != j.caps.Kind {
		return Written{}, ErrUnsupported
	}
	return j.inside(ctx, v, opts, func(opts PutOptions) (Info, error) {
		src.names.remove(version.Name)
		defer src.names.remove(version.Name)
		return store.MoveFrom(ctx, v.Name, src.backend, *version, opts)
	})
}

// copyVersion copies a version for a move. It fails with ErrChanged if the object has
// another version by now.
func (j *Jail) copyVersion(ctx context.Context, v *Verdict, src *Jail, version *Info, this Cond, opts PutOptions) (Written, error) {
	if w, err := j.copyInside(ctx, v, src, version, opts); !errors.Is(err, ErrUnsupported) {
		return w, err
	}
	obj, err := src.backend.Open(ctx, version.Name, Request{Cond: this})
	if err != nil {
		return Written{}, outward("get", version.Name, version.Rule, changed(err))
	}
	return j.putCopy(ctx, v.Name, obj, opts)
}

// changed returns ErrChanged for a failed condition, which Move and not its caller made,
// or else err.
func changed(err error) error {
	if errors.Is(err, ErrPrecondition) {
		return ErrChanged
	}
	return err
}

// undoCopy removes the copy of a move that another call made impossible. It does so only
// if the condition ensured that the copy was new: otherwise the object could be the
// result of another move to the same name.
func (j *Jail) undoCopy(ctx context.Context, w *Written, cond Cond) {
	if !cond.IfNoneMatch.Any || w.Info.ETag == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWait)
	defer cancel()
	// If this fails, the copy stays: nothing is lost.
	_ = j.remove(ctx, w.Info.Name, Cond{IfMatch: Tags{List: []Tag{{Value: w.Info.ETag, Set: true}}}, Unsafe: true})
}

// undoWait bounds the removal of a copy, whose request may have been cancelled.
const undoWait = 10 * time.Second

// sameBackend reports whether a and b are one value. Some types cannot be compared.
func sameBackend(a, b Backend) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
