package server

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// post stores the files of a request.
func (h *uploads) post(x *exchange) {
	// Callers who may not upload are refused before the body is read.
	if err := h.mayUpload(x); err != nil {
		x.fail(err, nil)
		return
	}
	// There is no object "/", so If-Match is false, and If-None-Match is true. A valid
	// If-Unmodified-Since is ignored, since "/" has no modification date (RFC 9110, 13.1.4).
	if cond := httpheader.Conditions(x.r); !cond.IfMatch.IsZero() {
		x.fail(errPrecondition, nil)
		return
	}
	if err := h.intake.checkForm(x.r, h.cfg.MaxRequestBytes); err != nil {
		x.fail(err, nil)
		return
	}
	files, err := h.storeFiles(x)
	if err != nil {
		x.fail(err, nil)
		return
	}
	h.created(x, files)
}

// storeFiles receives the files of a request and stores all of them, or none. Its slot is free
// before the answer is sent, which takes a slow client as long as it likes.
func (h *uploads) storeFiles(x *exchange) ([]catalog.Record, error) {
	body, err := h.intake.receive(x)
	if err != nil {
		return nil, err
	}
	defer x.endBody(body)
	b := h.newBatch(x.ctx, auth.FromContext(x.ctx).Name)
	// After a panic, too.
	defer b.undo(x)
	err = h.eachFile(x.r, &limitedBody{body, h.cfg.MaxRequestBytes}, b.store)
	if err == nil {
		err = b.holdAnswer(x)
	}
	if err == nil {
		err = b.commit()
	}
	return b.files, err
}

// holdAnswer takes the memory of the answer, before the files are committed.
func (b *batch) holdAnswer(x *exchange) error {
	var n int64
	for i := range b.files {
		n += answerBytes(b.files[i].Name)
	}
	return x.hold(n)
}

// mayUpload returns an error if the caller may not upload. No name exists yet, so a
// placeholder is authorized.
func (h *uploads) mayUpload(x *exchange) error {
	v := h.jail.Explain(x.ctx, vfs.OpUpload, exampleName)
	owner := auth.FromContext(x.ctx).Name
	if v.Allowed && h.cfg.Authorize.Authorize(x.ctx, vfs.OpUpload, catalog.Record{Owner: owner}) != nil {
		v.Allowed, v.Rule, v.Reason = false, "", reason.AuthDenied
	}
	x.attempt.Rule = v.Rule
	return refusedBy(v)
}

var exampleName = catalog.ObjectName(uuid.UUID{6: 0x40, 8: 0x80})

// A batch is the files of one request.
type batch struct {
	h      *uploads
	owner  string
	ctx    context.Context // ends with the request, or when a sweep has cleared a row
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	files   []catalog.Record // begun, in the order of the request
	unknown []uuid.UUID      // perhaps begun

	running sync.WaitGroup // touch and calls
	done    bool           // committed or undone
}

func (h *uploads) newBatch(ctx context.Context, owner string) *batch {
	b := &batch{h: h, owner: owner}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	return b
}

// errSwept: a sweep has cleared the upload as stale.
var errSwept = errors.New("server: the upload was not updated for too long, and was swept")

// store stores one file: first the row, which stays pending, then the object. The catalog
// syncs the row while the body arrives.
func (b *batch) store(filename string, content io.Reader) error {
	h := b.h
	head := bufio.NewReaderSize(content, mediatype.SniffBytes)
	rec, err := b.newRecord(filename, head)
	if err != nil {
		return err
	}
	index := 0
	row := b.call(func() error {
		err := h.catalog.Begin(b.ctx, rec)
		switch {
		case err == nil:
			index = b.add(rec)
		case b.ctx.Err() != nil:
			// A Begin that was canceled may still have taken effect.
			b.addUnknown(rec.ID)
		}
		return err
	})
	name := catalog.ObjectName(rec.ID)
	checked := h.intake.checked(b.ctx, head, Upload{Name: name, Filename: rec.Name, Type: rec.Type})
	defer checked.close()
	sum := &summed{r: &heldBack{r: checked, row: row, left: aheadOfRow}, hash: sha256.New()}
	written, err := h.jail.Create(b.ctx, name, sum, vfs.PutOptions{ContentType: rec.Type})
	missing := row.wait()
	switch {
	case b.swept():
		return &catalogError{errSwept}
	case missing != nil:
		return &catalogError{missing}
	case checked.failure() != nil:
		return checked.failure()
	case errors.Is(err, vfs.ErrPrecondition):
		// The condition is not the client's, so this is not a 412.
		return fmt.Errorf("server: an object with the generated name exists: %v", err)
	case err != nil:
		return err
	case !sum.ended || written.Info.Size != sum.size:
		return fmt.Errorf("server: %d bytes were sent to the backend (complete: %t), but the object has %d", sum.size, sum.ended, written.Info.Size)
	}
	rec.Size = sum.size
	sum.hash.Sum(rec.SHA256[:0])
	b.mu.Lock()
	b.files[index] = rec
	b.mu.Unlock()
	return nil
}

// newRecord returns the record of a file. It reads no more of the file than its type needs.
func (b *batch) newRecord(filename string, content *bufio.Reader) (rec catalog.Record, err error) {
	h := b.h
	if rec.ID, err = h.cfg.NewID(); err != nil {
		return rec, fmt.Errorf("server: generating a name: %w", err)
	}
	rec.Name = httpheader.CleanFilename(filename)
	if !h.intake.Types.set.HasName(rec.Name) {
		return rec, errType
	}
	start, err := content.Peek(mediatype.SniffBytes)
	if err != nil && err != io.EOF {
		return rec, err
	}
	rec.Type, rec.Owner = mediatype.OfUpload(rec.Name, start), b.owner
	rec.Created = h.cfg.Now().UTC().Truncate(time.Microsecond)
	return rec, nil
}

// add adds a row. From now on, touch marks it as active.
func (b *batch) add(rec catalog.Record) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, rec)
	if len(b.files) == 1 {
		b.running.Go(b.touch)
	}
	return len(b.files) - 1
}

func (b *batch) addUnknown(id uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unknown = append(b.unknown, id)
}

// touch marks the rows as active until the batch ends.
func (b *batch) touch() {
	tick := time.NewTicker(b.h.cfg.TouchEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-tick.C:
		}
		b.mu.Lock()
		files := slices.Clone(b.files)
		b.mu.Unlock()
		for _, rec := range files {
			// The catalog may answer at the next tick.
			if err := b.h.catalog.Touch(b.ctx, rec.ID); errors.Is(err, catalog.ErrNotFound) {
				b.cancel(errSwept)
				return
			}
		}
	}
}

// swept reports whether a sweep has cleared a row. It ends ctx, which must not look as if
// the client had left.
func (b *batch) swept() bool { return context.Cause(b.ctx) == errSwept }

// commit makes all rows ready, after all objects have been stored.
func (b *batch) commit() error {
	switch {
	case b.swept():
		return &catalogError{errSwept}
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	}
	b.cancel(nil)
	b.running.Wait()
	// If a Commit were canceled, its outcome would be unknown.
	ctx, cancel := afterwards(b.ctx)
	defer cancel()
	// Concurrently, since the catalog then makes several rows durable at once.
	var others []*call
	for i := range b.files[1:] {
		others = append(others, b.call(func() error { return b.ready(ctx, i+1) }))
	}
	err := b.ready(ctx, 0)
	for _, c := range others {
		err = cmp.Or(err, c.wait())
	}
	if err != nil {
		return err
	}
	b.done = true
	return nil
}

// ready makes the row of file i ready.
func (b *batch) ready(ctx context.Context, i int) error {
	rec, err := b.h.catalog.Commit(ctx, b.files[i])
	if errors.Is(err, catalog.ErrNotFound) {
		err = errSwept
	}
	if err != nil {
		return &catalogError{err}
	}
	b.files[i] = rec
	return nil
}

// undo removes everything that was stored, unless it was committed. If the catalog or the
// backend does not respond, a sweep does it later.
func (b *batch) undo(x *exchange) {
	b.cancel(nil)
	b.running.Wait()
	if b.done {
		return
	}
	b.done = true
	ctx, cancel := afterwards(x.ctx)
	defer cancel()
	ids := b.unknown
	for _, rec := range b.files {
		ids = append(ids, rec.ID)
	}
	for _, id := range ids {
		if err := b.h.discard(ctx, id); err != nil {
			x.log("cleaning up a failed upload failed, the next sweep will retry", err)
		}
	}
}

// discard removes an upload. As long as the state of the row is unknown, the object stays:
// otherwise a ready row could have no object.
func (h *uploads) discard(ctx context.Context, id uuid.UUID) error {
	err := h.catalog.Abandon(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		// A Commit that failed may still have taken effect.
		err = h.catalog.Delete(ctx, id)
	}
	// Neither pending nor ready: a sweep has cleared the row, perhaps before the object
	// was stored. Nothing else would remove that object.
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return reconcile.Clear(ctx, h.jail, h.catalog, id)
}

// summed computes the size and hash of what is read. Read fills its buffer: forms yield small
// chunks, and the backend would write each of them separately.
type summed struct {
	r     io.Reader
	hash  hash.Hash
	size  int64
	ended bool // read to the end
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := fill(s.r, p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	s.ended = err == io.EOF
	return n, err
}
