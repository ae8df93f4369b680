package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Put writes body to a file that no Name reaches, syncs it, and then installs it under
// the write lock, see takeWriteLock. A replaced object loses its mode and owner: the
// file is a new one, created with the process's umask.
//
// If another program changes the object between Put's check and its change, Put does
// not replace that program's file but checks again. On a file system that cannot
// exchange two names, however, the other program's change can be lost; and there, if
// the disk fails at the very last step, the sync of the directory, Put fails although
// it has replaced the object.
//
// Canceling ctx ends Put between two reads of body; the caller has to end a Read that
// blocks. After Close, a Put in progress fails with fs.ErrClosed once it has read its
// body.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.opts.Writable {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	w := &writing{b: b, n: n, cond: opts.Cond, time: opts.ContentTime}
	defer w.leave()
	err := w.begin(ctx)
	if err == nil {
		err = w.fill(put.Body(ctx, body, opts))
	}
	if err == nil {
		err = w.finish(ctx)
	}
	if err != nil {
		return vfs.Info{}, writeError("put", n, err)
	}
	return w.st.info(n), nil
}

// writing is a Put in progress.
type writing struct {
	b    *Backend
	n    vfs.Name
	cond vfs.Cond
	time time.Time // time to set on f; zero means now

	top, stage folder
	found      *location // where the first check found n, until commit takes it
	f          scratch
	st         stat     // of f
	in         folder   // the directory of temp: stage, or the last of built
	temp       string   // this Put's invisible file; "" if there is none
	old        bool     // temp is the replaced version
	built      []string // directories in stage to install with f, from the top down
}

func (w *writing) begin(ctx context.Context) (err error) {
	if w.top, err = w.b.enter(ctx, "put", w.n); err != nil {
		return err
	}
	// Check first, so that no body is sent in vain. The check in commit decides.
	if w.found, err = w.b.locate("put", w.top, w.n); err != nil {
		return err
	}
	if err := w.check(w.found); err != nil {
		return err
	}
	if !keepOpen {
		// Windows does not remove a directory that is open, and body may take long.
		w.found.dir.close()
		w.found = nil
	}
	w.stage, w.f, w.temp, err = enterStaging(w.top)
	w.in = w.stage
	return err
}

func (w *writing) check(p *location) error {
	if p.current == nil {
		return put.Check("put", w.n, w.cond, nil)
	}
	info := p.current.info(w.n)
	return put.Check("put", w.n, w.cond, &info)
}

// leave removes everything left of the Put, whether it succeeded or not.
func (w *writing) leave() {
	if w.f != nil {
		w.f.Close()
	}
	if w.found != nil {
		w.found.dir.close()
	}
	if w.stage != nil {
		if w.temp != "" {
			w.in.unlink(w.temp)
		}
		// Close everything else first: we may be at the descriptor limit.
		w.unbuild()
		w.stage.close()
		w.b.leaveStaging(w.top)
	}
	if w.top != nil {
		w.top.close()
	}
}

var fillBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// fill writes body to the file and syncs it.
func (w *writing) fill(body io.Reader) error {
	buf := fillBuffers.Get().(*[128 << 10]byte)
	defer fillBuffers.Put(buf)
	for {
		n, err := fillFrom(body, buf[:])
		if err != nil && err != io.EOF {
			// A body's error, even if it is "file does not exist", is not a refusal.
			return &vfs.Error{Op: "put", Name: w.n.String(), Err: err}
		}
		if _, err := w.f.Write(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
	}
	if !keepOpen {
		if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
			return err
		}
		w.f = nil
	}
	if !w.time.IsZero() && w.in.setTime(w.temp, w.time) != nil {
		w.time = time.Time{} // the file system cannot store this time
	}
	if w.time.IsZero() {
		// A file system's clock has a far lower resolution.
		_ = w.in.setTime(w.temp, time.Now())
	}
	return w.sync()
}

func (w *writing) sync() (err error) {
	if w.f != nil {
		if err := w.f.Sync(); err != nil {
			return err
		}
	}
	w.st, err = w.in.lstat(w.temp)
	return err
}

// fillFrom fills buf from r. Unlike io.ReadFull, it returns the reader's own error.
func fillFrom(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var m int
		m, err = r.Read(buf[n:])
		n += m
		if idle++; m > 0 {
			idle = 0
		}
		if idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, err
}

// finish makes the object visible and durable.
func (w *writing) finish(ctx context.Context) error {
	p, err := w.commit(ctx)
	if err != nil {
		return err
	}
	defer p.dir.close()
	if p.missing != nil {
		return nil // installBelow has already synced
	}
	// Sync without the write lock: others need not wait for the disk. They do not
	// depend on this entry: a writer that replaces it syncs the directory, too.
	if err := w.b.syncEntry("put", w.top, w.n, p.dir); err != nil {
		w.takeBack(p)
		return err
	}
	return nil
}

// commit installs the file. Steps that take longer for longer names, walking to the
// directory and creating directories, come before the write lock, which all writers
// share.
func (w *writing) commit(ctx context.Context) (*location, error) {
	for range maxRaces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := w.location()
		if err != nil {
			return nil, err
		}
		if p.missing != nil {
			err = w.build(p)
		}
		if err == nil {
			err = w.underWriteLock(ctx, p)
		}
		if err == nil {
			return p, nil
		}
		p.dir.close()
		if err != errRaced || w.temp == "" {
			return nil, err
		}
		if err := w.fetchBack(); err != nil {
			return nil, err
		}
	}
	return nil, errRaced
}

// location returns where n is: what the first check found, then, if that is outdated,
// what another one finds. The caller closes it.
func (w *writing) location() (*location, error) {
	if p := w.found; p != nil {
		w.found = nil
		return p, nil
	}
	return w.b.locate("put", w.top, w.n)
}

func (w *writing) underWriteLock(ctx context.Context, p *location) error {
	release, err := w.b.change(ctx, w.top)
	if err != nil {
		return err
	}
	defer release()
	if err := w.b.confirm("put", w.top, w.n, p); err != nil {
		return err
	}
	return w.install(p)
}

// syncEntry makes the entries of dir, which was found for n, durable. If dir has been
// removed since, the directory above has changed instead.
func (b *Backend) syncEntry(op string, top folder, n vfs.Name, dir folder) error {
	err := b.syncs.sync(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir, _, err = walkDown(op, top, n, n.Dir()); err != nil {
		return err
	}
	defer dir.close()
	return dir.sync()
}
