// Package overlay lays backends over each other, as one tree: an object is that of the
// first backend that has it, and only the first backend is ever written to. [New] takes
// them from the top down. Use it for a site over its defaults, or for a writable tree
// over a read-only one; to give each directory its own backend, use package mount.
//
// Removing an object that a lower backend has leaves a whiteout in the first one: a small
// object below [Reserved] that hides the name. Nobody reaches or sees these through the
// layer, whatever the policy. Directories and conflicts of kind are as in the kernel's
// overlayfs; New describes them, and which races remain.
//
// A backend that fails never lets the ones below it show through: the call fails.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Reserved is the directory at the top of the first backend that holds whiteouts. No name in
// it, in any spelling that [vfs.Fold] treats alike, or with dots or spaces after it, can be
// opened, listed or stored through the layer, and List does not yield it. Programs that use
// the first backend on its own see it as a directory of small objects; a pattern matches it
// only if it spells the leading dot.
const Reserved = ".bailiwick-overlay"

// Options are the options of New. The zero value is safe.
type Options struct {
	// Parallel asks all backends at the same time in Open and Stat, instead of each only
	// when the ones above it have answered. It saves time where the first ones are
	// remote and usually miss, at the cost of requests that turn out to be in vain.
	Parallel bool

	// NoWhiteouts promises that the first backend has none. It saves the request for
	// each object that a lower backend has, and removing such an object then fails with
	// vfs.ErrUnsupported. Where the first backend does have whiteouts, what they hide
	// shows again.
	NoWhiteouts bool
}

// New returns a layer over backends, the first one on top. It fails if there is none, if
// one is nil, or if the first one is itself a writable overlay: give New all of them at
// once instead. Caps.Writable and Encodings are those of the first backend; Directories and Ranges are
// set if all backends set them, Direct if one does. Walks, Copies and Moves are not set:
// copies pass through the process, and a move is a copy and a Remove.
//
// Requests. Open and Stat ask each backend at most once, from the top down, and stop at
// the first that has the name. If that is not the first backend, one more request, to
// the first one, finds out whether there is a whiteout. List makes one listing of each
// backend and, if a lower one has an entry that the first does not have, up to two in
// the first one for whiteouts; it holds one entry of each. The bound of a
// driver.ListHint is divided among them. Where backends have directories, calls that
// make no remote request are not counted here.
//
// Kinds. In a backend whose Caps.Directories is set, an object, a link or anything else
// that is not a directory hides what lower backends have under its name and below it, and a
// directory hides a lower object of its name. Directories are merged. Backends without
// directories hold keys: there, an object "a" hides only "a", and may be beside "a/b".
//
// Writing. Put stores in the first backend. Conditions hold for the object that the layer
// shows: If-None-Match "*" fails for a lower object, and If-Match replaces one by storing
// a new object above it, only if nothing has been stored there meanwhile. Remove deletes
// from the first backend, and if a lower one has something of that name, it stores the
// whiteout before that: so at no time, nor after a crash, does the lower object show. A
// whiteout stays for good; an object that is put later is above it. A directory of which
// all lower objects are removed is no longer listed, until a lower backend gets a new
// one.
//
// The Layer of a driver.Answer and of an Entry is that of the backend that has the object,
// from 1.
//
// What the first backend does atomically stays so. Lower backends are taken not to
// change. One race remains: if a lower object is removed by one call while another call
// replaces it under If-Match or If-Unmodified-Since, both can succeed, and the new object
// is there afterwards.
//
// A name that the first backend cannot store is looked for in the lower ones, and cannot
// be removed: that fails with vfs.ErrUnsupported. If the first backend has directories, so
// does the removal of a lower object that has others below it, as only a backend without
// directories can: a whiteout would hide these, too. For the same reason, Put refuses to
// replace such an object, with [reason.Directory].
func New(backends []vfs.Backend, opts Options) (vfs.Backend, error) {
	if len(backends) == 0 {
		return nil, errors.New("overlay: no backends")
	}
	b := &backend{layers: make([]layer, len(backends)), opts: opts}
	for i, below := range backends {
		if below == nil {
			return nil, fmt.Errorf("overlay: backend %d is nil", i)
		}
		caps := below.Caps()
		b.layers[i] = layer{below, caps.Directories, i}
		if i == 0 {
			b.caps = caps
		}
		b.caps.Directories = b.caps.Directories && caps.Directories
		b.caps.Ranges = b.caps.Ranges && caps.Ranges
		b.caps.Direct = b.caps.Direct || caps.Direct
	}
	if b.caps.Kind == kind && b.caps.Writable {
		return nil, errors.New("overlay: the first backend is an overlay itself; give New all backends at once")
	}
	b.caps.Kind, b.caps.Walks, b.caps.Copies, b.caps.Moves = kind, false, false, false
	return b, nil
}

const kind = "overlay"

// A layer is one of the backends. dirs is its Caps.Directories, at its index.
type layer struct {
	vfs.Backend
	dirs bool
	at   int
}

type backend struct {
	layers []layer
	opts   Options
	caps   vfs.Caps
}

var _ driver.Locator = (*backend)(nil)

// Caps implements vfs.Backend.
func (b *backend) Caps() vfs.Caps { return b.caps }

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	open := func(ctx context.Context, l layer) (*vfs.Object, error) { return l.Open(ctx, n, req) }
	closeBody := func(obj *vfs.Object) { obj.Body.Close() }
	obj, found, err := find(ctx, b, "open", n, open, closeBody)
	if err != nil {
		return nil, err
	}
	if found.release != nil {
		obj.Body = &releasing{obj.Body, found.release}
	}
	return obj, nil
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, _, err := b.stat(ctx, "stat", n, req)
	return info, err
}

// stat also returns the index of the backend that has the object.
func (b *backend) stat(ctx context.Context, op string, n vfs.Name, req vfs.Request) (vfs.Info, int, error) {
	ask := func(ctx context.Context, l layer) (vfs.Info, error) { return l.Stat(ctx, n, req) }
	info, found, err := find(ctx, b, op, n, ask, func(vfs.Info) {})
	if found.release != nil {
		found.release()
	}
	return info, found.layer, err
}

// A releasing body frees what its context holds when it is closed.
type releasing struct {
	io.ReadCloser
	release context.CancelFunc
}

func (r *releasing) Close() error {
	defer r.release()
	return r.ReadCloser.Close()
}

// checkName refuses names that only the layer itself uses.
func checkName(op string, n vfs.Name) error {
	s := n.String()
	if s == "" {
		return driver.Refuse(op, n, reason.NameEmpty)
	}
	top, _, _ := strings.Cut(s, "/")
	if isReserved(top) {
		return driver.Refuse(op, n, reason.Unholdable)
	}
	return nil
}

// isReserved ignores case, characters that have no glyph, and dots and spaces at the end,
// since the first backend's store may.
func isReserved(elem string) bool { return strings.TrimRight(vfs.Fold(elem), ". ") == Reserved }

// about returns an error of a backend as one about n, which the caller asked for.
func about(op string, n vfs.Name, err error) error {
	return driver.Renamed(op, n, err, func(vfs.Name) vfs.Name { return vfs.Name{} })
}
