package blob

import (
	"context"
	"crypto/rand"
	"io"
	"mime"
	"os"

	cdk "gocloud.dev/blob"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

const (
	// markKey is the metadata key by which a Put recognizes its own object.
	markKey = "bailiwick-put"
	// maxReplay is how much of a body is kept, so that it can be sent again.
	maxReplay = 64 << 10
)

// Put stores body under n. The driver makes the object visible when it is complete: a
// body that fails, or a canceled ctx, ends the upload before that.
//
// With a Service, the service enforces an If-None-Match of "*" as it stores the object.
// For any other condition, Put first asks for the attributes, and then has the service
// require that the version is unchanged. If that fails because of another change that the
// condition permits, a body of up to 64 KiB is sent again; Put fails with
// vfs.ErrUnavailable for a larger one. After a Put, one more request asks for the new
// version's tag. If it is another's version by then, the Info has no ETag.
//
// If the answer of the service is lost, Put finds its own object by the metadata
// "bailiwick-put". If it cannot, it fails with vfs.ErrUnavailable, and the object may
// still appear. The ContentTime is stored in the metadata "mtime".
//
// Without a Service, Put holds a lock while it checks the condition and completes the
// object.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.caps.Writable || keyed.LosesEncoding(&opts) {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	c, err := b.call(ctx, "put", n)
	if err != nil {
		return vfs.Info{}, err
	}
	opts.Cond.Unsafe = true
	w := &writing{call: c, opts: opts, body: &source{r: put.Body(ctx, body, opts)}, mark: rand.Text()}
	if b.service == nil {
		return w.runLocked()
	}
	return w.run()
}

// A writing is one call of Put.
type writing struct {
	*call
	opts vfs.PutOptions
	body *source
	mark string
	held clause // that the service enforces
	file *os.File
}

// A source is a body that remembers its error.
type source struct {
	r    io.Reader
	size int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.size += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// bodyError returns the error of a body that failed. Even if that is "file does not
// exist", it is not a refusal.
func (w *writing) bodyError() error {
	if err := w.ctx.Err(); err != nil {
		return w.fail(err)
	}
	return &vfs.Error{Op: w.op, Name: w.n.String(), Err: w.body.err}
}

// run stores the object in a bucket whose service enforces conditions.
func (w *writing) run() (vfs.Info, error) {
	switch {
	case onlyCreates(w.opts.Cond):
		w.held.missing = true
	case !unconditional(w.opts.Cond):
		current, err := w.exists()
		if err != nil {
			return vfs.Info{}, err
		}
		if w.held, err = w.decide(w.opts.Cond, current); err != nil {
			return vfs.Info{}, err
		}
	}
	head, err := io.ReadAll(io.LimitReader(w.body, maxReplay+1))
	if err != nil {
		return vfs.Info{}, w.bodyError()
	}
	replayable := len(head) <= maxReplay
	for range maxTries {
		upload, err := w.open()
		if err == nil {
			if replayable {
				err = upload.copy(head, nil)
			} else {
				err = upload.copy(head, w.body)
			}
			if w.body.err != nil || w.ctx.Err() != nil {
				upload.abort()
				return vfs.Info{}, w.bodyError()
			}
			err = upload.end(err)
		}
		if err == nil {
			return w.stored(), nil
		}
		made, err := w.outcome(err)
		if made != nil || err != nil {
			return infoOf(made), err
		}
		if !replayable {
			break
		}
		if unconditional(w.opts.Cond) {
			w.held = clause{}
		}
	}
	return vfs.Info{}, w.fail(errBusy)
}

// runLocked stores the object in a bucket that only this Backend changes.
func (w *writing) runLocked() (vfs.Info, error) {
	// Check first, so that no body is sent in vain.
	if err := w.check(); err != nil {
		return vfs.Info{}, err
	}
	upload, err := w.open()
	if err != nil {
		return vfs.Info{}, w.fail(err)
	}
	err = upload.copy(nil, w.body)
	if w.body.err != nil || w.ctx.Err() != nil {
		upload.abort()
		return vfs.Info{}, w.bodyError()
	}
	if err == nil && w.files != nil {
		err = w.file.Sync()
	}
	if err != nil {
		upload.abort()
		return vfs.Info{}, w.fail(err)
	}
	info, err := w.complete(upload)
	if err == nil && w.files != nil {
		err = w.files.settle(w.n)
	}
	if err != nil {
		return vfs.Info{}, w.fail(err)
	}
	return info, nil
}

// complete checks everything again and makes the object visible.
func (w *writing) complete(u *upload) (vfs.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	current, err := w.checkAgain()
	if err == nil && w.files != nil {
		if current != nil && current.mod.After(w.last) {
			w.last = current.mod
		}
		w.last, err = w.files.complete(w.n, w.file, w.last)
	}
	if err = u.end(err); err != nil {
		return vfs.Info{}, err
	}
	return w.stored(), nil
}

// check evaluates the condition.
func (w *writing) check() error {
	defer w.holdChanges()()
	_, err := w.checkAgain()
	return err
}

// checkAgain evaluates the condition for the current version, which it returns. The
// caller holds the lock.
func (w *writing) checkAgain() (*version, error) {
	if w.files != nil {
		if err := w.files.checkNew(w.n); err != nil {
			return nil, err
		}
	}
	current, err := w.exists()
	if err == nil {
		_, err = w.decide(w.opts.Cond, current)
	}
	return current, err
}

// open begins an upload under the clause.
func (w *writing) open() (*upload, error) {
	opts := &cdk.WriterOptions{
		ContentType:                 mediaType(w.opts.ContentType),
		DisableContentTypeDetection: true,
		Metadata:                    map[string]string{markKey: w.mark},
		IfNotExist:                  w.held.missing,
	}
	if keyed.ValidHeader(w.opts.Encoding) {
		opts.ContentEncoding = w.opts.Encoding
	}
	if t := w.opts.ContentTime; !t.IsZero() {
		opts.Metadata[keyed.TimeKey] = keyed.FormatTime(t)
	}
	switch {
	case w.held.tag != "":
		opts.BeforeWrite = w.service.WriteIf(w.held.tag)
	case w.files != nil:
		opts.BeforeWrite = func(as func(any) bool) error {
			if !as(&w.file) {
				return ErrHook
			}
			return nil
		}
	}
	ctx, cancel := context.WithCancel(w.ctx)
	writer, err := w.bucket.NewWriter(ctx, w.key, opts)
	if err != nil {
		cancel()
		return nil, err
	}
	return &upload{writer, cancel}, nil
}

// mediaType returns s as the CDK accepts it, or "".
func mediaType(s string) string {
	t, params, err := mime.ParseMediaType(s)
	if err != nil || !keyed.ValidHeader(s) {
		return ""
	}
	return mime.FormatMediaType(t, params)
}

// An upload is an object that is not yet visible.
type upload struct {
	w      *cdk.Writer
	cancel context.CancelFunc
}

// copy sends head and then body, which may be nil.
func (u *upload) copy(head []byte, body io.Reader) error {
	if len(head) > 0 {
		if _, err := u.w.Write(head); err != nil {
			return err
		}
	}
	if body == nil {
		return nil
	}
	// The Writer's own ReadFrom has a buffer of 1 MiB.
	_, err := io.Copy(struct{ io.Writer }{u.w}, body)
	return err
}

// end makes the object visible, or does not if it was not sent.
func (u *upload) end(sent error) error {
	if sent != nil {
		u.abort()
		return sent
	}
	defer u.cancel()
	return u.w.Close()
}

// abort drops the upload: Close completes an object unless its context is done.
func (u *upload) abort() {
	u.cancel()
	// It fails with the context's error.
	_ = u.w.Close()
}

// stored returns the Info of the object just stored.
func (w *writing) stored() vfs.Info {
	after, cancel := w.afterwards()
	defer cancel()
	current, err := after.exists()
	if err == nil && current != nil && (current.mark == w.mark || w.service == nil) {
		return current.info
	}
	info := vfs.Info{Name: w.n, Size: w.body.size, ContentType: mediaType(w.opts.ContentType), ContentTime: w.opts.ContentTime}
	if keyed.ValidHeader(w.opts.Encoding) {
		info.Encoding = w.opts.Encoding
	}
	return info
}

func infoOf(v *version) vfs.Info {
	if v == nil {
		return vfs.Info{}
	}
	return v.info
}
