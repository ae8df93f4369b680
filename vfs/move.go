package vfs

import (
	"context"
	"errors"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Move stores the object from of src, which may be j itself, under the name to, and
// removes it from src. The caller needs the rights to read and delete from and to write
// to. At every moment, readers find the object under one of the two names at least. If
// Move fails, from is still there, unless the answer of the store was lost; and if it
// fails after the object was copied, the copy stays.
//
// If the store can rename, Move uses that; see driver.Mover. Otherwise it copies, as Copy
// does, and then removes the version that was copied. If from changes in between, Move
// fails with [ErrChanged], and from keeps its new content. Of several concurrent calls on
// one Jail that share a name, all but one fail with [ErrUnavailable]. Where ETags depend
// on the content alone, as on S3, calls of several processes, or of Jails over several
// backends for one store, must not cross: two moves in opposite directions could each
// remove what the other has written. There, a Remove of from during the Move can succeed
// as well, and then the copy stays. On a store that ignores the condition of a removal, a
// version that is written between the copy and the removal is lost.
//
// The new name may differ from that of from only in case or normal form, which every other
// write refuses. Where the store finds one by the other and cannot rename, Move refuses it
// as well, as such a sibling.
//
// Move refuses symbolic links as Remove does. It fails with [ErrUnsupported] if src is
// read-only, and with [ErrUnfit] if the object has no ETag, if to could not record its content
// coding, and if to and from lead to one object, as two names of one store can; see driver.Locator.
// Between two stores that could be one, an object with the ETag of from counts as that. Other
// errors are those of Copy and Remove; after one of Remove, the copy stays.
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
	// One move at a time has these names, from the look at the version until that is
	// removed.
	release, ok := j.moving.begin(to, &src.moving, from)
	if !ok {
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnavailable}
	}
	defer release()
	version, err := src.versionOf(ctx, from, opts.source())
	if err != nil {
		return Written{}, err
	}
	if !src.caps.Writable {
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnsupported}
	}
	if version.ETag == "" {
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnfit}
	}
	switch one, err := j.mayBeOne(ctx, to, src, version, opts.Cond); {
	case err != nil:
		return Written{}, outward("put", to, v.Rule, err)
	case one:
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnfit}
	}
	if from.Dir() == to.Dir() && newSpelling(from.Base()).is(to.Base()) && filestore.SameValue(j.backend, src.backend) {
		opts.leaving = from
	}
	if w, err := j.moveInside(ctx, &v, src, version, opts); !errors.Is(err, ErrUnsupported) {
		return w, err
	}
	if opts.leaving == from {
		// The object would replace itself, and then be removed.
		if one, err := j.isOtherSpelling(ctx, to); one || err != nil {
			if one {
				err = j.siblingError(ctx, to, from, KindFile, true)
			}
			return Written{}, outward("put", to, v.Rule, err)
		}
	}
	opts.KeepEncoding = true
	this := Cond{IfMatch: Tags{List: []Tag{{Value: version.ETag, Set: true}}}, Unsafe: true}
	w, err := j.copyVersion(ctx, &v, src, version, this, opts)
	if err != nil {
		return Written{}, err
	}
	if w.LostEncoding != "" { // despite Caps.Encodings
		return Written{}, &Error{Op: "move", Name: from.s, Err: ErrUnsupported}
	}
	if err := src.remove(ctx, from, this); err != nil {
		return Written{}, outward("remove", from, d.Rule, changed(err))
	}
	return w, nil
}

// mayBeOne reports whether the name to leads, or could lead, to the object that is to be
// moved. Where the ETag depends on the content alone, the copy would be the version that is
// then removed, and the object be lost.
func (j *Jail) mayBeOne(ctx context.Context, to Name, src *Jail, version *Info, cond Cond) (bool, error) {
	there, here := filestore.Locate(j.backend, to), filestore.Locate(src.backend, version.Name)
	if one, known := there.Is(here); known {
		return one, nil
	}
	if cond.IfNoneMatch.Any {
		return false, nil // the store does not replace what is there
	}
	// A store can have several addresses, and not every layer tells what is below it. If the
	// ETags differ, the removal does not hit the copy: they depend on the content alone, or on
	// times, which advance.
	info, err := j.backend.Stat(ctx, to, Request{Cond: Cond{Unsafe: true}})
	if ReasonOf(err) == reason.Missing {
		return false, nil
	}
	return err == nil && info.ETag == version.ETag, err
}

// isOtherSpelling reports whether the store finds an object by the name n although it has
// only one with another spelling, as file systems do that fold case or normal form.
func (j *Jail) isOtherSpelling(ctx context.Context, n Name) (bool, error) {
	there, err := j.checkObject(ctx, n, Cond{})
	if !there || err != nil {
		return false, err
	}
	c := newSpellingCursor(n.Base())
	hint := listHint{Shows: func(elem string, _ Kind) bool { return elem == n.Base() }, Names: true, Requests: maxPageRequests}
	for e, err := range c.entries(filestore.WithHint(ctx, hint), j.backend, n.Dir()) {
		if err != nil {
			return false, err
		}
		if e.Elem == n.Base() {
			return false, nil
		}
	}
	return true, nil
}

// moves are the names that moves are about to change. The zero value has none.
type moves struct {
	mu    sync.Mutex
	names map[Name]bool
}

// begin takes to in m and from in src until release is called. It reports false if
// another move has one of them.
func (m *moves) begin(to Name, src *moves, from Name) (release func(), ok bool) {
	if !m.take(to) {
		return nil, false
	}
	if src == m && from == to {
		return func() { m.give(to) }, true // once: the next move may have it by then
	}
	if !src.take(from) {
		m.give(to)
		return nil, false
	}
	return func() {
		m.give(to)
		src.give(from)
	}, true
}

func (m *moves) take(n Name) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[n] {
		return false
	}
	if m.names == nil {
		m.names = map[Name]bool{}
	}
	m.names[n] = true
	return true
}

func (m *moves) give(n Name) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.names, n)
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
