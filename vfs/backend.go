package vfs

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Backend stores objects by Name. It knows nothing of policies: a [Jail]
// stands before it and asks it only for names that were admitted.
//
// What the caller guarantees: every Name came from a parser, so it is not the
// zero Name; it closes every body.
//
// What a backend owes, and vfstest.TestBackend checks:
//
//   - All methods are safe for concurrent use.
//   - Every failure is an [*Error], context's errors inside one. Its Reason is
//     [reason.Missing] for what does not exist, and for a directory's name, in
//     Open and Stat, [reason.Directory] where Caps.Directories is set.
//   - It never follows a symbolic link and never opens a FIFO, socket or
//     device: [reason.Symlink] for a link anywhere on the way, [reason.SpecialFile].
//     Where Request.Links is set, the error's Link is the name that results
//     when the first link on the way is replaced by where it leads, worked out
//     without following it; the zero Name if it leads out of the backend.
//   - Cancelling ctx ends the call, and a body that is being read.
type Backend interface {
	// Open returns the object n with its metadata. Info and Body are of the same
	// version. [Request.Resolve] decides conditions and range. At most one remote
	// request.
	Open(ctx context.Context, n Name, req Request) (*Object, error)

	// Stat returns the Info that Open would, without the bytes. It ignores the range
	// in req, as HEAD does.
	Stat(ctx context.Context, n Name, req Request) (Info, error)

	// List yields the entries of dir whose key comes after the string after, in
	// byte order of the key: an entry's element, with a slash added if it is
	// a directory. One remote request a page. Elements are as the backend has
	// them: they need not make a Name. After an error it yields nothing more.
	// A dir that is missing, or is no directory, is an error before any entry.
	// driver.ListHintOf tells which entries the caller needs; the others may be left
	// out.
	List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error]

	// Put stores body under n, all or nothing, visible at once: a reader sees
	// the old object whole or the new one whole, never a part, whatever
	// happens. Parent directories are made. When it returns nil, the object
	// outlasts a crash of the machine, where the backend's store can do that
	// at all. [ErrFull] where there is no room. It is never written through a
	// symbolic link, nor in the place of one.
	Put(ctx context.Context, n Name, body io.Reader, opts PutOptions) (Info, error)

	// Remove deletes the object n if cond holds, and directories that it left
	// empty.
	Remove(ctx context.Context, n Name, cond Cond) error

	// Caps says what the backend can do. It is constant.
	Caps() Caps
}

// Caps says what a backend can do.
type Caps struct {
	// Kind is the backend's name in audit records: "disk", "mem", "s3".
	Kind string
	// Writable: Put and Remove work.
	Writable bool
	// Directories: Open and Stat of a directory's name say so at no extra
	// cost. S3, which has no directories, does not.
	Directories bool
	// Ranges: a range costs what its bytes cost. Without it, a backend skips.
	Ranges bool
	// Direct: Open heeds Request.Direct.
	Direct bool
	// Walks: the backend is a driver.Walker, and so is each layer over it.
	Walks bool
}

// An Entry is what List says of one name in a directory.
type Entry struct {
	Elem    string // one path element, not to be trusted
	Kind    Kind
	Size    int64     // bytes, of a file
	ModTime time.Time // zero if unknown, and for directories

	// Reason is why Open would refuse the file, or List the directory, whatever a
	// policy says; "" if it would not.
	Reason Reason
}

// Key is the string by which entries are ordered.
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
	Cond        Cond   // IfMatch, IfNoneMatch and IfUnmodifiedSince, see Cond.NeedsObject
	Size        int64  // bytes that body will yield, if SizeKnown
	SizeKnown   bool   // a body of another size is an error, and nothing is stored
	ContentType string // kept where the backend can keep it
	Encoding    string // the coding that body is in, as in Info; kept where the backend can

	// ContentTime is the ContentTime of what is stored, for a copy; kept where the backend
	// can. Zero is now. On disk it becomes the file's time, by which ETags tell versions
	// apart: the new version has another ETag than the one it replaces, but may get that of
	// an older one of the same size and ContentTime.
	ContentTime time.Time
}
