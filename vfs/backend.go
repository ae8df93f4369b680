package vfs

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Backend stores objects by Name. It knows nothing about policies: a [Jail] wraps it
// and passes it only names that were admitted.
//
// The caller guarantees that every Name came from a parser, so it is not the zero Name,
// and that it closes every body.
//
// A backend guarantees the following, and vfstest.TestBackend checks it:
//
//   - All methods are safe for concurrent use.
//   - Every failure is an [*Error]; a context's error is wrapped in one. Its Reason is
//     [reason.Missing] for what does not exist, and also for a directory's name in Open
//     and Stat, unless Caps.Directories is set: then it is [reason.Directory].
//   - It never follows a symbolic link and never opens a FIFO, socket or device. It
//     fails with [reason.Symlink] for a link anywhere on the path, and with
//     [reason.SpecialFile]. If Request.Links is set, the error's Link is the name with
//     the first link on the path replaced by its target, computed without following the
//     link; it is the zero Name if the target is outside the backend.
//   - Canceling ctx ends the call, and ends reads from a body.
type Backend interface {
	// Open returns the object n with its metadata. Info and Body belong to the same
	// version. [Request.Resolve] evaluates conditions and range. Open makes at most one
	// remote request.
	Open(ctx context.Context, n Name, req Request) (*Object, error)

	// Stat returns the Info that Open would return, without the bytes. It ignores the
	// range in req, as HEAD does.
	Stat(ctx context.Context, n Name, req Request) (Info, error)

	// List yields the entries of dir whose key is greater than after, in byte order of
	// the key. The key is an entry's element, followed by a slash if the entry is a
	// directory. List makes one remote request per page. It yields elements as stored:
	// an element need not make a valid Name. After an error it yields nothing more. If
	// dir is missing or not a directory, List yields an error before any entry.
	// driver.ListHintOf returns which entries the caller needs; List may leave out the
	// others.
	List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error]

	// Put stores body under n atomically: at any time, and whatever happens, a reader
	// sees either the whole old object or the whole new one. Put creates parent
	// directories. When it returns nil, the object survives a crash of the machine, if
	// the backend's store supports that at all. It fails with [ErrFull] if there is no
	// room. It never writes through a symbolic link and never replaces one.
	Put(ctx context.Context, n Name, body io.Reader, opts PutOptions) (Info, error)

	// Remove deletes the object n if cond holds, and the directories that this leaves
	// empty.
	Remove(ctx context.Context, n Name, cond Cond) error

	// Caps returns what the backend supports. The result never changes.
	Caps() Caps
}

// Caps describes what a backend supports.
type Caps struct {
	// Kind is the backend's name in audit records: "disk", "mem", "s3".
	Kind string
	// Writable: Put and Remove work.
	Writable bool
	// Directories: Open and Stat report a directory's name as a directory at no extra
	// cost. S3 has no directories and does not set it.
	Directories bool
	// Ranges: reading a range costs no more than its bytes. Otherwise the backend reads
	// and discards what precedes the range.
	Ranges bool
	// Direct: Open honors Request.Direct.
	Direct bool
	// Walks: the backend is a driver.Walker, and so is each layer over it.
	Walks bool
	// Copies: the backend is a driver.Copier, and so is each layer over it that supports
	// copies inside the store.
	Copies bool
	// Moves: the backend is a driver.Mover, and so is each layer over it that supports
	// moves inside the store.
	Moves bool
	// Encodings: Put stores PutOptions.Encoding, or honors PutOptions.KeepEncoding.
	Encodings bool
}

// Keeps reports whether a backend with these Caps may store an object with the options. A
// [Jail] asks before each Put, and so does a layer with several backends of which only some
// set Encodings.
func (c *Caps) Keeps(opts *PutOptions) bool {
	return c.Encodings || !opts.KeepEncoding || opts.Encoding == ""
}

// An Entry describes one name in a directory, as List yields it.
type Entry struct {
	Elem    string // one path element, untrusted
	Kind    Kind
	Size    int64     // size of a file in bytes
	ModTime time.Time // zero if unknown or a directory

	// Reason is why Open would refuse the file, or List the directory, regardless of
	// any policy; "" if it would not.
	Reason Reason

	// Layer is set in a listing of several backends as one tree: the number of the one
	// that has the entry, from 1. It is for operators; Jail.List leaves it out.
	Layer int
}

// Key returns the string that orders entries.
func (e Entry) Key() string {
	if e.Kind == KindDir {
		return e.Elem + "/"
	}
	return e.Elem
}

// A Kind is the kind of an entry.
type Kind uint8

// The kinds.
const (
	KindFile    Kind = iota // a regular file, an object
	KindDir                 // a directory, a common prefix
	KindLink                // a symbolic link
	KindSpecial             // anything else: FIFO, socket, device
)

// PutOptions are the options of Put. The zero value creates or replaces.
type PutOptions struct {
	Cond        Cond   // IfMatch, IfNoneMatch and IfUnmodifiedSince; see Cond.NeedsObject
	Size        int64  // bytes that body will yield, if SizeKnown
	SizeKnown   bool   // fail, and store nothing, if body has another size
	ContentType string // stored if the backend supports it
	Encoding    string // the content coding of body, as in Info; stored if the backend supports it

	// KeepEncoding makes a Put or a copy fail with ErrUnfit, before it reads body or
	// changes anything, if Encoding would not be stored: readers would take the encoded
	// bytes for the object itself. A Jail sees to that; a backend without Caps.Encodings need
	// not look at it.
	KeepEncoding bool

	// Source is a condition on the object that Jail.Copy and Jail.Move read. Backends
	// ignore it.
	Source Cond

	// leaving is the object that Jail.Move removes afterwards, in another spelling: it is
	// no sibling of the new one. Zero if there is none.
	leaving Name

	// ContentTime is the ContentTime to store, for a copy, if the backend supports it;
	// zero means now. On disk it becomes the file's modification time, and ETags depend
	// on that: the new version's ETag differs from that of the version it replaces, but
	// can equal that of an older version with the same size and ContentTime.
	ContentTime time.Time
}
