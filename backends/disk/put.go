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

// Put writes body to a file that no Name reaches, syncs it, and then installs it
// under the write lock, see takeWriteLock. An object that is replaced loses its mode
// and owner: the file is a new one, with the process's umask.
//
// Between a look at what is there and the change, another program can come; its
// file is then not replaced but looked at anew. Only where the file system cannot
// exchange two names, its work can be lost; and there, if the disk fails at the
// very last step, the sync of the directory, Put fails and yet has replaced the
// object.
//
// Cancelling ctx ends Put between two reads of body; a Read that blocks is for
// the caller to end. After Close, a Put under way fails with fs.ErrClosed once
// its body has come.
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

// writing is one Put under way.
type writing struct {
	b    *Backend
	n    vfs.Name
	cond vfs.Cond
	time time.Time // that f is to have; zero for now

	top, stage folder
	f          scratch
	st         stat     // of f
	in         folder   // what holds temp: stage, or the last of built
	temp       string   // what this Put has that is not visible; "" if nothing
	old        bool     // that is the version that was replaced
	built      []string // the directories in stage that are to hold f, from the top down
}

func (w *writing) begin(ctx context.Context) (err error) {
	if w.top, err = w.b.enter(ctx, "put", w.n); err != nil {
		return err
	}
	// Nobody should send a body for nothing. The check that counts is in commit.
	p, err := w.b.locate("put", w.top, w.n)
	if err != nil {
		return err
	}
	defer p.dir.close()
	if err := w.check(p); err != nil {
		return err
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

// leave removes what is left of the Put, whether it succeeded or not.
func (w *writing) leave() {
	if w.f != nil {
		w.f.Close()
	}
	if w.stage != nil {
		if w.temp != "" {
			w.in.unlink(w.temp)
		}
		// Everything else is closed by now: we may be at the descriptor limit.
		w.unbuild()
		w.stage.close()
		w.b.leaveStaging(w.top)
	}
	if w.top != nil {
		w.top.close()
	}
}

var fillBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// fill writes body to the file and brings it to the disk.
func (w *writing) fill(body io.Reader) error {
	buf := fillBuffers.Get().(*[128 << 10]byte)
	defer fillBuffers.Put(buf)
	for {
		n, err := fillFrom(body, buf[:])
		if err != nil && err != io.EOF {
			// Even a body whose error is "file does not exist" is no refusal.
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
		w.time = time.Time{} // the file system has no such time
	}
	if w.time.IsZero() {
		// The clock of a file system ticks far more slowly.
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

// fillFrom fills buf from r. Unlike that of io.ReadFull, its error is the reader's
// own.
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
		return nil // installBelow has synced
	}
	// Without the write lock: others need not wait for the disk. They do not depend
	// on this entry: whoever replaces it syncs the directory, too.
	if err := syncEntry("put", w.top, w.n, p.dir); err != nil {
		w.takeBack(p)
		return err
	}
	return nil
}

// commit installs the file. What takes longer for a longer name, to go there and to make
// directories, comes before the write lock, which all writers share.
func (w *writing) commit(ctx context.Context) (*location, error) {
	for range maxRaces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := w.b.locate("put", w.top, w.n)
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

// syncEntry makes the entries of dir last, which was found for n. If it is gone since,
// whoever removed it changed the one above.
func syncEntry(op string, top folder, n vfs.Name, dir folder) error {
	err := dir.sync()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir, _, err = walkDown(op, top, n, n.Dir()); err != nil {
		return err
	}
	defer dir.close()
	return dir.sync()
}
