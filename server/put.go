package server

import (
	"errors"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// crossOrigin recognizes requests that a page of another site made a browser send. Browsers
// send such writes only after a preflight, which is never granted; this check also holds if
// a proxy or a browser grants too much. It reads the header only, and what it refuses gets
// the uniform 404.
var crossOrigin = http.NewCrossOriginProtection()

// serveWrite answers a PUT, DELETE, COPY or MOVE.
func (h *handler) serveWrite(x *exchange, name vfs.Name, isDir bool) {
	switch {
	case isDir:
		x.fail(refusal(name.String(), reason.Directory), nil)
	case x.r.Method == http.MethodPut:
		h.put(x, name)
	case x.r.Method == methodCopy, x.r.Method == methodMove:
		h.copyOrMove(x, name)
	default:
		h.remove(x, name, httpheader.Conditions(x.r))
	}
}

// put stores the body under name. It decides everything that does not need the body before
// it reads the body, and so before it sends 100 (Continue): policy, header and slot here,
// existing objects and preconditions in Jail.Put.
func (h *handler) put(x *exchange, name vfs.Name) {
	// Jail.Put checks this again. The check comes first here so that a name outside the
	// policy gets the 404 even if something is wrong with the body.
	err := refusedBy(h.jail.Explain(x.ctx, vfs.OpWrite, name))
	if err == nil {
		err = h.intake.checkHeader(x.r)
	}
	if err == nil && !h.intake.Types.set.HasName(name.Base()) {
		err = errType
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	written, err := h.storeBody(x, name)
	if err != nil {
		x.fail(h.hideSibling(err), nil)
		return
	}
	x.stored(&written)
}

// storeBody receives the body and stores it. Its slot is free before the answer is sent, which
// takes a slow client as long as it likes.
func (h *handler) storeBody(x *exchange, name vfs.Name) (vfs.Written, error) {
	body, err := h.intake.receive(x)
	if err != nil {
		return vfs.Written{}, err
	}
	defer x.endBody(body)
	mediaType := mediatype.ByName(name.Base())[0]
	checked := h.intake.checked(x.ctx, body, Upload{Name: name, Filename: name.Base(), Type: mediaType})
	defer checked.close()
	written, err := h.jail.Put(x.ctx, name, checked, vfs.PutOptions{
		Cond: httpheader.Conditions(x.r),
		Size: x.r.ContentLength, SizeKnown: x.r.ContentLength >= 0,
		ContentType: mediaType,
	})
	if failure := checked.failure(); err != nil && failure != nil {
		err = failure
	}
	return written, err
}

// stored answers a write that stored an object.
func (x *exchange) stored(w *vfs.Written) {
	x.attempt.Rule = w.Info.Rule
	x.written(storedStatus(w), &w.Info)
}

func storedStatus(w *vfs.Written) int {
	if w.Replaced {
		return http.StatusNoContent
	}
	return http.StatusCreated
}

// hideSibling hides a conflict with a directory, unless directories are listed: otherwise
// clients must not learn that a directory exists.
func (h *handler) hideSibling(err error) error {
	var e *vfs.Error
	if h.cfg.List || !errors.As(err, &e) || e.Reason != reason.CreateSibling || !e.SiblingDir {
		return err
	}
	hidden := *e
	hidden.Reason = reason.HiddenSibling
	return &hidden
}

// remove deletes name, in a version for which cond holds.
func (h *handler) remove(x *exchange, name vfs.Name, cond vfs.Cond) {
	removed, err := h.jail.Remove(x.ctx, name, cond)
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.attempt.Rule = removed.Rule
	x.written(http.StatusNoContent, nil)
}

// written answers a successful write. info describes the new version; nil if there is none.
func (x *exchange) written(status int, info *vfs.Info) {
	if x.form {
		x.acted()
		return
	}
	if info != nil {
		x.setETag(info)
	}
	x.sendEmpty(status, noStore)
}
