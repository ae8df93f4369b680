package vfs

import (
	"context"
	"errors"
	"io"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Written is the result of a Put, Create or Copy.
type Written struct {
	Info Info // of the new version; Rule is the pattern that allowed the name
	// Replaced is set if the search for siblings found the object. If two calls create
	// one name at the same moment, both may report false.
	Replaced bool

	// LostEncoding is the content coding of a Copy's bytes if the backend could not
	// store it, as a directory cannot: readers have to know it by other means. See
	// PutOptions.KeepEncoding.
	LostEncoding string
}

// Put stores body under n atomically: readers see the old object or the new one. If Put
// fails, nothing has changed, with one exception: if the answer of a remote store was
// lost and it cannot be found out whether the change was made, Put fails with
// [ErrUnavailable], and the new object exists or may still appear. A backend over the
// local file system can have an exception of its own; see its Put.
//
// opts.Cond has its meaning in HTTP: IfNoneMatch "*" only creates, IfMatch only replaces
// that version, and IfUnmodifiedSince only replaces a version that is not newer.
//
// In addition to the rules for reading, the name must be one that every system can
// create (reason.CreateNFC, reason.CreateChar, reason.CreateTrailing,
// reason.CreateDevice) and have at most 64 elements (reason.CreateDepth). A new name,
// or a new directory on its path, must not differ only in case or normal form from a
// sibling: this fails with [reason.CreateSibling] if the caller may see that sibling,
// and otherwise with [reason.HiddenSibling].
//
// The name of a directory, or a name below an object, is refused as missing, even on
// stores without directories. There, Put detects it in its search for siblings, and does
// not notice an object that already has others below it.
//
// Concurrent calls on one Jail cannot break these two rules. Another process or another
// Jail can, if it creates the other name between the search for siblings and the end of
// Put. The search may be old: where more than eight names are created in a directory
// within a second, Put uses the last listing of the directory, for up to one second or
// eight times as long as that listing took. For a [NewBulk] Jail, the search is as old
// as the Jail's use of the directory. No name is refused because of an old search.
//
// Put checks the condition before it reads body, if possible.
//
// Put refuses symbolic links, whatever Policy.Symlinks says about reading.
//
// A refused name fails with an [*Error] that matches [fs.ErrNotExist]. Other errors to
// expect: [ErrPrecondition], [ErrExist], [ErrFull], [ErrUnavailable], [ErrUnsupported],
// the error of ctx, and the error of body, wrapped. Canceling ctx ends Put between two
// reads of body.
func (j *Jail) Put(ctx context.Context, n Name, body io.Reader, opts PutOptions) (Written, error) {
	v := j.admit(ctx, OpWrite, n)
	if err := v.err("put"); err != nil {
		return Written{}, err
	}
	opts.Cond.Unsafe = true
	p, err := j.prepare(ctx, n, opts.Cond, opts.leaving)
	if err != nil {
		return Written{}, outward("put", n, v.Rule, err)
	}
	defer p.leave()
	return p.stored(j.put(ctx, &v, body, opts))
}

// CheckPut returns, for each of the names, the error with which a Put with cond would fail
// before it reads a body, nil if it would read one. It takes all names as created together, so
// two of them must not differ only in case or normal form. It is for callers who have to know
// all that before they change anything. It reserves nothing: a later Put can still fail. If
// cond needs an existing object, a backend with directories itself finds out in Put whether
// there is one.
func (j *Jail) CheckPut(ctx context.Context, cond Cond, names ...Name) []error {
	cond.Unsafe = true
	errs := make([]error, len(names))
	for i, n := range names {
		v := j.admit(ctx, OpWrite, n)
		if errs[i] = v.err("put"); errs[i] != nil {
			continue
		}
		c, _, err := j.claim(ctx, n, cond, Name{})
		if err != nil {
			errs[i] = outward("put", n, v.Rule, err)
			continue
		}
		if c != nil {
			defer c.leave()
		}
	}
	return errs
}

// Create stores body under a name that the program made itself, such as a UUID, and
// fails with [ErrExist] if that object exists. It does what Put does with IfNoneMatch
// "*", but for [OpUpload], and without the search for siblings, which costs at least
// one request: a random name has no siblings.
func (j *Jail) Create(ctx context.Context, n Name, body io.Reader, opts PutOptions) (Written, error) {
	v := j.admit(ctx, OpUpload, n)
	if err := v.err("put"); err != nil {
		return Written{}, err
	}
	opts.Cond = Cond{IfNoneMatch: Tags{Any: true}, Unsafe: true}
	info, err := j.put(ctx, &v, body, opts)
	return Written{Info: info}, err
}

func (j *Jail) put(ctx context.Context, v *Verdict, body io.Reader, opts PutOptions) (Info, error) {
	if !j.caps.Keeps(&opts) {
		return Info{}, &Error{Op: "put", Name: v.Name.s, Rule: v.Rule, Err: ErrUnfit}
	}
	info, err := j.backend.Put(ctx, v.Name, body, opts)
	if err != nil {
		return Info{}, outward("put", v.Name, v.Rule, err)
	}
	info.Name, info.Rule = v.Name, v.Rule
	return info, nil
}

// A preparation is the state of a Put for which all is checked, until leave is called.
// Until then, no other call on the Jail can prepare a conflicting name.
type preparation struct {
	claim *claim // nil if only an existing object can be replaced
	names *nameIndex
	// replaces is set if the object exists already.
	replaces bool
	result   error // of the Put
}

// errUnfinished is the result of a Put that has not returned: its body may panic.
var errUnfinished = errors.New("unfinished")

// prepare fails if n is too similar to a sibling other than leaving, or if something else
// conflicts with it.
func (j *Jail) prepare(ctx context.Context, n Name, cond Cond, leaving Name) (*preparation, error) {
	c, replaces, err := j.claim(ctx, n, cond, leaving)
	if err != nil {
		return nil, err
	}
	if c != nil {
		j.names.create(n) // also if it exists: it may be removed before it is replaced
	}
	return &preparation{c, j.names, replaces, errUnfinished}, nil
}

// claim makes the checks of prepare. It returns the claim on n, unless an existing object is
// only replaced.
func (j *Jail) claim(ctx context.Context, n Name, cond Cond, leaving Name) (c *claim, replaces bool, err error) {
	if !j.caps.Writable {
		return nil, false, &Error{Op: "put", Name: n.s, Err: ErrUnsupported}
	}
	if cond.NeedsObject() {
		// An object that is only replaced already exists under this very spelling.
		return nil, true, j.checkVersion(ctx, n, cond)
	}
	entered, other, made := j.creating.enter(n)
	if entered == nil {
		return nil, false, j.claimedSiblingError(ctx, n, other, made)
	}
	defer func() { // a backend that panics must not block the name forever
		if c == nil {
			entered.leave()
		}
	}()
	for {
		exists, err := j.checkAround(ctx, n, cond, leaving)
		if err != nil {
			return nil, false, err
		}
		again, err := entered.decide(exists)
		if err != nil {
			return nil, false, err
		}
		if !again {
			return entered, exists == n, nil
		}
	}
}

// stored records the result of the Put, and returns it.
func (p *preparation) stored(info Info, err error) (Written, error) {
	p.result = err
	if err != nil {
		return Written{}, err
	}
	return Written{Info: info, Replaced: p.replaces}, nil
}

func (p *preparation) leave() {
	if p.claim == nil {
		return
	}
	p.names.end(p.claim.n, p.result)
	p.claim.leave()
}

// checkAround fails if n cannot be created or replaced under cond. It returns the lowest name
// on the path of n that exists: n itself if the object does.
func (j *Jail) checkAround(ctx context.Context, n Name, cond Cond, leaving Name) (exists Name, err error) {
	// With "*", the listing of the survey finds out.
	if !cond.IfNoneMatch.Any && !j.lacks(ctx, n) {
		if there, err := j.checkObject(ctx, n, cond); there || err != nil {
			return n, err
		}
	}
	s, err := j.survey(ctx, n, leaving)
	if err != nil {
		return Name{}, err
	}
	if s.exists == n {
		if there, err := j.checkObject(ctx, n, cond); there || err != nil {
			return n, err
		}
		s.exists = n.Dir()
	}
	return s.exists, s.conflict(ctx, j, n)
}

// checkVersion fails if the version that cond requires does not exist.
func (j *Jail) checkVersion(ctx context.Context, n Name, cond Cond) error {
	there, err := j.checkObject(ctx, n, cond)
	switch {
	case ReasonOf(err) == reason.Permission:
		return nil // write-only credentials: the backend decides
	case there || err != nil || j.caps.Directories:
		return err // a backend with directories reports the conflict itself
	}
	if _, err := j.survey(ctx, n, Name{}); err != nil {
		return err
	}
	return &Error{Op: "put", Name: n.s, Err: ErrPrecondition}
}

// checkObject reports whether the object n exists, and fails if cond does not hold for
// it. It avoids transferring a body in vain. The authoritative check is the backend's
// own, when it makes the change.
func (j *Jail) checkObject(ctx context.Context, n Name, cond Cond) (there bool, err error) {
	info, err := j.backend.Stat(ctx, n, Request{Cond: Cond{Unsafe: true}})
	switch {
	case err == nil:
		req := Request{Cond: cond}
		_, err = req.Resolve("put", info)
		return true, err
	case ReasonOf(err) == reason.Missing:
		return false, nil
	}
	return false, err
}

// Remove deletes the object n if cond holds, and the directories that this leaves
// empty. The Info contains only the Name and Rule of the removed object, since backends
// need not read it. Remove fails as Put does; a missing object is reason.Missing.
// Symbolic links are refused and not removed.
func (j *Jail) Remove(ctx context.Context, n Name, cond Cond) (Info, error) {
	v := j.admit(ctx, OpDelete, n)
	if err := v.err("remove"); err != nil {
		return Info{}, err
	}
	cond.Unsafe = true
	if err := j.remove(ctx, n, cond); err != nil {
		return Info{}, outward("remove", n, v.Rule, err)
	}
	return Info{Name: n, Rule: v.Rule}, nil
}

// TakeBack deletes the version of an object that Put has just stored under IfNoneMatch "*", whose
// result is w, and no other version of it. It needs the right to write the name, as the Put did,
// and not that to delete it. It fails as Remove does, and with [ErrUnsupported] if w has no ETag or
// replaced an object.
func (j *Jail) TakeBack(ctx context.Context, w Written) error {
	n := w.Info.Name
	v := j.admit(ctx, OpWrite, n)
	if err := v.err("remove"); err != nil {
		return err
	}
	if w.Replaced || w.Info.ETag == "" {
		return &Error{Op: "remove", Name: n.s, Err: ErrUnsupported}
	}
	this := Cond{IfMatch: Tags{List: []Tag{{Value: w.Info.ETag, Set: true}}}, Unsafe: true}
	if err := j.remove(ctx, n, this); err != nil {
		return outward("remove", n, v.Rule, err)
	}
	return nil
}

// remove deletes the object n, which was admitted.
func (j *Jail) remove(ctx context.Context, n Name, cond Cond) error {
	j.names.remove(n)
	defer j.names.remove(n)
	return j.backend.Remove(ctx, n, cond)
}
