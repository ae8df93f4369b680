package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Inspector examines request bodies before they are stored: a virus scanner, or a check
// that an image is one. It is called concurrently.
//
// An error that matches [ErrRejected] rejects the body; the client learns only that. Any
// other error is a failure of the Inspector, and the client may try again. Both are logged,
// and nothing is stored.
type Inspector interface {
	Inspect(ctx context.Context, u *Upload) error
}

// ErrRejected is the error, possibly wrapped, with which an [Inspector] rejects a body.
var ErrRejected = errors.New("rejected")

// An Upload is a request body that was received completely and is not stored yet.
type Upload struct {
	Name     vfs.Name // the name of the object
	Filename string   // the client's name for the file: the last element of Name; for a POST, any text
	Type     string   // media type, by Filename
	Size     int64    // bytes
	SHA256   [sha256.Size]byte
	file     *spoolFile
}

// ReadAt reads from the body. It is safe for concurrent use, until Inspect returns.
func (u *Upload) ReadAt(p []byte, off int64) (int, error) { return u.file.ReadAt(p, off) }

// Open returns a reader of the body from its beginning, valid until Inspect returns.
func (u *Upload) Open() *io.SectionReader { return io.NewSectionReader(u, 0, u.Size) }

// stage copies the whole content to a file and has it inspected, if there is an Inspector.
func (b *checkedBody) stage() error {
	s := &b.upload
	var err error
	if s.file, err = newSpoolFile(b.in.SpoolDir); err != nil {
		return failedSpool(err)
	}
	hash := sha256.New()
	sink := &spoolWriter{w: io.MultiWriter(s.file, hash)}
	if b.spools {
		sink.reserve = b.reserve
	}
	if s.Size, err = io.Copy(sink, b.out); err != nil {
		if sink.err == errSpoolBusy {
			return sink.err
		}
		if sink.err != nil {
			return failedSpool(err)
		}
		return err
	}
	hash.Sum(s.SHA256[:0])
	if b.in.Inspect == nil {
		return nil
	}
	switch err := b.in.Inspect.Inspect(b.ctx, s); {
	case err == nil:
		return nil
	case errors.Is(err, ErrRejected):
		return fmt.Errorf("%w: %w", errRejected, err)
	case b.ctx.Err() != nil:
		return errGone
	default:
		return fmt.Errorf("%w: %w", errInspector, err)
	}
}

func failedSpool(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", errSpoolFull, err)
	}
	return fmt.Errorf("%w: %w", errSpool, err)
}

// A spoolWriter remembers whether the writer failed, not the reader.
type spoolWriter struct {
	w       io.Writer
	reserve func(int64) bool // nil for no bound
	err     error
}

func (s *spoolWriter) Write(p []byte) (n int, err error) {
	if s.reserve != nil && !s.reserve(int64(len(p))) {
		s.err = errSpoolBusy
		return 0, s.err
	}
	n, s.err = s.w.Write(p)
	return n, s.err
}

// A spoolFile is a file that no other process can open by name: its name is removed as soon
// as it is open or, on systems that do not allow that, by close.
type spoolFile struct {
	*os.File
	named bool
}

func newSpoolFile(dir string) (*spoolFile, error) {
	f, err := os.CreateTemp(dir, "bailiwick-intake-*")
	if err != nil {
		return nil, err
	}
	return &spoolFile{f, os.Remove(f.Name()) != nil}, nil
}

func (f *spoolFile) close() {
	f.Close()
	if f.named {
		os.Remove(f.Name())
	}
}
