package server

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
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
	ctx := x.ctx
	owner := auth.FromContext(ctx).Name
	// Whoever may not upload is refused before his body is read. A name as it will
	// be made stands for all.
	v := h.jail.Explain(ctx, vfs.OpUpload, exampleName)
	if v.Allowed && h.cfg.Authorize.Authorize(ctx, vfs.OpUpload, catalog.Record{Owner: owner}) != nil {
		v.Allowed, v.Reason = false, reason.AuthDenied
	}
	if !v.Allowed {
		x.fail(refusal(exampleName.String(), v.Reason), nil)
		return
	}
	x.attempt.Rule = v.Rule
	// Nothing is called "/", so no version of it can match. That there is none, which
	// If-None-Match may ask for, is true.
	if cond := httpheader.Conditions(x.r); !cond.IfMatch.IsZero() {
		x.fail(errPrecondition, nil)
		return
	}
	if err := h.check(x.r); err != nil {
		x.fail(err, nil)
		return
	}
	body, err := h.intake.receive(x)
	if err != nil {
		x.fail(err, nil)
		return
	}
	defer x.endBody(body)
	b := h.newBatch(ctx, owner)
	// A panic on the way is a failure like others.
	defer b.undo(x)
	limited := &limitedBody{body, h.cfg.MaxRequestBytes}
	if err = h.eachFile(x.r, limited, b.store); err == nil {
		err = b.commit()
	}
	if err != nil {
		b.undo(x)
		x.fail(err, nil)
		return
	}
	x.created(b.files)
}

var exampleName = catalog.ObjectName(uuid.UUID{6: 0x40, 8: 0x80})

// check refuses a request by its header.
func (h *uploads) check(r *http.Request) error {
	if r.ContentLength > h.cfg.MaxRequestBytes {
		return errTooLarge
	}
	// The bound of one file is not that of a body with several.
	head := http.Request{Header: r.Header, ContentLength: -1}
	return h.intake.checkHeader(&head)
}

// A limitedBody fails with errTooLarge after so many bytes.
type limitedBody struct {
	r    io.Reader
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// A batch is the files of one request on their way in.
type batch struct {
	h      *uploads
	owner  string
	ctx    context.Context // ends with the request, or when a sweep took a row
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	files []catalog.Record // begun, in the order in which they came

	touching sync.WaitGroup
	done     bool // committed or undone
}

func (h *uploads) newBatch(ctx context.Context, owner string) *batch {
	b := &batch{h: h, owner: owner}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	return b
}

// errSwept: a sweep has taken the upload for dead.
var errSwept = errors.New("server: the upload was silent for too long, and was swept")

// store stores one file, whose row stays pending: first the row, then the object.
func (b *batch) store(filename string, content io.Reader) error {
	h := b.h
	id, err := h.cfg.NewID()
	if err != nil {
		return fmt.Errorf("server: making a name: %w", err)
	}
	original := httpheader.CleanFilename(filename)
	if !h.intake.Types.set.HasName(original) {
		return errType
	}
	head := bufio.NewReaderSize(content, mediatype.SniffBytes)
	start, err := head.Peek(mediatype.SniffBytes)
	if err != nil && err != io.EOF {
		return err
	}
	rec := catalog.Record{
		ID:      id,
		Name:    original,
		Type:    mediatype.OfUpload(original, start),
		Owner:   b.owner,
		Created: h.cfg.Now().UTC().Truncate(time.Microsecond),
	}
	if err := h.catalog.Begin(b.ctx, rec); err != nil {
		return &catalogError{err}
	}
	i := b.add(rec)

	name := catalog.ObjectName(id)
	checked := h.intake.checked(b.ctx, head, Upload{Name: name, Filename: original, Type: rec.Type})
	defer checked.close()
	sum := &summed{r: checked, hash: sha256.New()}
	written, err := h.jail.Create(b.ctx, name, sum, vfs.PutOptions{ContentType: rec.Type})
	switch {
	case context.Cause(b.ctx) == errSwept:
		return &catalogError{errSwept}
	case checked.failure() != nil:
		return checked.failure()
	case errors.Is(err, vfs.ErrPrecondition):
		// No condition of the client's: his answer is not a 412.
		return fmt.Errorf("server: there was an object of a new name: %v", err)
	case err != nil:
		return err
	case !sum.ended || written.Info.Size != sum.size:
		return fmt.Errorf("server: the backend was given %d bytes (to the end: %t), and has %d", sum.size, sum.ended, written.Info.Size)
	}
	rec.Size = sum.size
	sum.hash.Sum(rec.SHA256[:0])
	b.mu.Lock()
	b.files[i] = rec
	b.mu.Unlock()
	return nil
}

// add notes a row that was begun, and has it touched from then on.
func (b *batch) add(rec catalog.Record) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(b.files, rec)
	if len(b.files) == 1 {
		b.touching.Go(b.touch)
	}
	return len(b.files) - 1
}

// touch shows, until the batch ends, that it goes on.
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
			// A catalog that does not answer now may do so next time.
			if err := b.h.catalog.Touch(b.ctx, rec.ID); errors.Is(err, catalog.ErrNotFound) {
				b.cancel(errSwept)
				return
			}
		}
	}
}

// commit makes all rows ready, once all objects are there.
func (b *batch) commit() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.cancel(nil)
	b.touching.Wait()
	// A Commit that is cancelled may have been done or not.
	ctx, cancel := afterwards(b.ctx)
	defer cancel()
	for i, rec := range b.files {
		ready, err := b.h.catalog.Commit(ctx, rec)
		if errors.Is(err, catalog.ErrNotFound) {
			err = errSwept
		}
		if err != nil {
			return &catalogError{err}
		}
		b.files[i] = ready
	}
	b.done = true
	return nil
}

// undo takes back all that was stored, unless it was committed. What it cannot
// clear, because catalog or backend do not answer, is left to a sweep.
func (b *batch) undo(x *exchange) {
	b.cancel(nil)
	b.touching.Wait()
	if b.done {
		return
	}
	b.done = true
	ctx, cancel := afterwards(x.ctx)
	defer cancel()
	for _, rec := range b.files {
		if err := b.h.discard(ctx, rec.ID); err != nil {
			x.log("clearing an upload that failed was left to the next sweep", err)
		}
	}
}

// discard takes back an upload. While it is not known what the row says, the
// object stays, or a row could be shown whose object is gone.
func (h *uploads) discard(ctx context.Context, id uuid.UUID) error {
	err := h.catalog.Abandon(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		// The Commit that failed may have been done all the same.
		err = h.catalog.Delete(ctx, id)
	}
	// Neither pending nor ready: a sweep has been here, perhaps before the object
	// was. Nobody else would look for that.
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return reconcile.Clear(ctx, h.jail, h.catalog, id)
}

// summed adds up what is read. It fills what it is given: the pieces that multipart
// yields are small, and each would be a write of its own.
type summed struct {
	r     io.Reader
	hash  hash.Hash
	size  int64
	ended bool // all was read
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := fill(s.r, p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	s.ended = err == io.EOF
	return n, err
}
