package vfstest

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Faults is a backend that fails on demand and counts calls. It is a layer over another
// backend, which may itself be a Faults. All its methods are safe for concurrent use.
//
// Calls are counted by operation: "open", "stat", "list", "put" and "remove" are the
// backend's methods; "entry" is each step of a listing; "read" and "close" are those of
// a body; "body" is each read of the body passed to Put. Faults removes an Object's
// File, since reading it would bypass the faults.
type Faults struct {
	backend vfs.Backend
	faults  []Fault

	mu     sync.Mutex
	calls  int
	counts map[string]int
	fits   []int // number of calls matched by each fault's Op and Name
}

var _ vfs.Backend = (*Faults)(nil)

// A Fault says what goes wrong, and when. The first Fault that matches a call takes
// effect. The zero Fault matches every call and does nothing.
type Fault struct {
	Op   string // the operation; "" matches any
	Name string // the requested name; "" matches any
	Call int    // n: the nth call that matches Op and Name, from 1; 0 matches any

	// After is for "read" and "body": the number of bytes to pass before the fault.
	After int64

	// Err fails the call, which does not reach the backend. vfs.ErrChanged in a read
	// simulates an object replaced during the read.
	Err error

	// Short ends a "read" or "body" early with io.EOF. No backend may do this; callers
	// have to detect it.
	Short bool

	// Until, if set, makes the call wait until the channel is closed, or fail with the
	// context's error if that comes first. Then Err or Short apply.
	Until <-chan struct{}

	// Do, if set, is called first: for example, to change the object during a read, or
	// to tell a test that the call has come.
	Do func()
}

// NewFaults returns b with faults. Without any, it only counts.
func NewFaults(b vfs.Backend, faults ...Fault) *Faults {
	return &Faults{backend: b, faults: faults, counts: map[string]int{}, fits: make([]int, len(faults))}
}

// FailCall makes the nth of all calls fail with err.
func FailCall(n int, err error) Fault { return Fault{Call: n, Err: err} }

// FailOp makes every call of op fail with err.
func FailOp(op string, err error) Fault { return Fault{Op: op, Err: err} }

// ShortRead ends bodies with a plain io.EOF after n bytes.
func ShortRead(n int64) Fault { return Fault{Op: "read", After: n, Short: true} }

// Changed makes bodies fail with vfs.ErrChanged after n bytes.
func Changed(n int64) Fault { return Fault{Op: "read", After: n, Err: vfs.ErrChanged} }

// Slow makes every call of op wait until the channel is closed or the context is done.
func Slow(op string, until <-chan struct{}) Fault { return Fault{Op: op, Until: until} }

// String formats the fault as a rule: "read call 3: fail with \"boom\"".
func (f Fault) String() string {
	var when, what []string
	if f.Op != "" {
		when = append(when, f.Op)
	}
	if f.Name != "" {
		when = append(when, fmt.Sprintf("of %q", f.Name))
	}
	if f.Call > 0 {
		when = append(when, fmt.Sprintf("call %d", f.Call))
	}
	if f.After > 0 {
		when = append(when, fmt.Sprintf("after %d bytes", f.After))
	}
	if len(when) == 0 {
		when = append(when, "any call")
	}
	if f.Do != nil {
		what = append(what, "do something")
	}
	if f.Until != nil {
		what = append(what, "wait")
	}
	switch {
	case f.Err != nil:
		what = append(what, fmt.Sprintf("fail with %q", f.Err))
	case f.Short:
		what = append(what, "end early")
	}
	if len(what) == 0 {
		what = append(what, "nothing")
	}
	return strings.Join(when, " ") + ": " + strings.Join(what, ", then ")
}

// String formats the backend's kind and all faults, for the message of a failing test.
func (f *Faults) String() string {
	inner := f.backend.Caps().Kind
	if s, ok := f.backend.(fmt.Stringer); ok {
		inner = s.String()
	}
	rules := make([]string, len(f.faults))
	for i, fault := range f.faults {
		rules[i] = fault.String()
	}
	return inner + " with faults {" + strings.Join(rules, "; ") + "}"
}

// Calls returns the number of calls of all operations.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Count returns the number of calls of op.
func (f *Faults) Count(op string) int { return f.Counts()[op] }

// Counts returns the number of calls per operation. It leaves out operations without
// calls, so a denied name leaves an empty map.
func (f *Faults) Counts() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}

// Reset sets all counts to zero, including those that faults match.
func (f *Faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.counts = 0, map[string]int{}
	clear(f.fits)
}

// Caps returns the backend's Caps.
func (f *Faults) Caps() vfs.Caps { return f.backend.Caps() }

// Open opens n and applies the faults of "read" and "close" to its Body.
func (f *Faults) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if err := f.call(ctx, "open", n); err != nil {
		return nil, err
	}
	obj, err := f.backend.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	read := &faultyReader{f: f, ctx: ctx, op: "read", n: n, r: obj.Body}
	obj.Body, obj.File, obj.Descriptor = &faultyBody{read, obj.Body}, nil, nil
	return obj, nil
}

// Stat calls the backend.
func (f *Faults) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if err := f.call(ctx, "stat", n); err != nil {
		return vfs.Info{}, err
	}
	return f.backend.Stat(ctx, n, req)
}

// List counts one "list", and one "entry" before each entry.
func (f *Faults) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return f.list(ctx, dir, f.backend.List(ctx, dir, after))
}

// Walk counts as List does.
func (f *Faults) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return f.list(ctx, dir, driver.Walk(ctx, f.backend, dir))
}

func (f *Faults) list(ctx context.Context, dir vfs.Name, list iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		if err := f.call(ctx, "list", dir); err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		for e, err := range list {
			if err == nil {
				err = f.call(ctx, "entry", dir)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Put applies the faults of "body" to body.
func (f *Faults) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if err := f.call(ctx, "put", n); err != nil {
		return vfs.Info{}, err
	}
	return f.backend.Put(ctx, n, &faultyReader{f: f, ctx: ctx, op: "body", n: n, r: body}, opts)
}

// Remove calls the backend.
func (f *Faults) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if err := f.call(ctx, "remove", n); err != nil {
		return err
	}
	return f.backend.Remove(ctx, n, cond)
}

// call counts a call and applies the matching fault. Its errors are those of a correct
// backend: the injected error is wrapped in an *Error.
func (f *Faults) call(ctx context.Context, op string, n vfs.Name) error {
	if err := f.happen(ctx, f.pick(op, n)); err != nil {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	return nil
}

// pick counts a call and returns the matching fault.
func (f *Faults) pick(op string, n vfs.Name) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.counts[op]++
	chosen := Fault{}
	found := false
	for i, fault := range f.faults {
		if fault.Op != "" && fault.Op != op || fault.Name != "" && fault.Name != n.String() {
			continue
		}
		f.fits[i]++
		if !found && (fault.Call == 0 || fault.Call == f.fits[i]) {
			chosen, found = fault, true
		}
	}
	return chosen
}

func (f *Faults) happen(ctx context.Context, fault Fault) error {
	if fault.Do != nil {
		fault.Do()
	}
	if fault.Until != nil {
		select {
		case <-fault.Until:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fault.Err
}

// A faultyReader yields what r yields, until a fault applies.
type faultyReader struct {
	f    *Faults
	ctx  context.Context
	op   string
	n    vfs.Name
	r    io.Reader
	read int64
}

func (r *faultyReader) Read(b []byte) (int, error) {
	fault := r.f.pick(r.op, r.n)
	if left := fault.After - r.read; left > 0 {
		n, err := r.r.Read(b[:min(int64(len(b)), left)])
		r.read += int64(n)
		return n, err
	}
	if err := r.f.happen(r.ctx, fault); err != nil {
		return 0, err
	}
	if fault.Short {
		return 0, io.EOF
	}
	n, err := r.r.Read(b)
	r.read += int64(n)
	return n, err
}

// A faultyBody is only a reader and a closer: a Seek would bypass the faults.
type faultyBody struct {
	*faultyReader
	body io.Closer
}

// Close closes the body even if it then fails: a fault must not leak a file.
func (b *faultyBody) Close() error {
	err := b.body.Close()
	if fault := b.f.happen(b.ctx, b.f.pick("close", b.n)); fault != nil {
		return fault
	}
	return err
}
