package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// serve answers a request for an object.
func (h *uploads) serve(x *exchange, name vfs.Name) {
	op := vfs.OpRead
	if x.r.Method == http.MethodDelete {
		op = vfs.OpDelete
	}
	rec, err := h.find(x, op, name)
	switch {
	case err != nil:
		x.fail(err, nil)
	case op == vfs.OpDelete:
		h.remove(x, name, rec)
	case x.r.URL.RawQuery == "meta" || x.r.URL.RawQuery == "meta=":
		x.sendJSON(http.StatusOK, h.cacheControlFor(x, rec, noCache), newFileJSON(rec))
	default:
		h.send(x, name, rec)
	}
}

// find returns the record of the object, if it is ready and the caller may perform op. A name
// that the policy refuses is not looked up in the catalog.
func (h *uploads) find(x *exchange, op vfs.Op, name vfs.Name) (catalog.Record, error) {
	ctx := x.ctx
	v := h.jail.Explain(ctx, op, name)
	x.attempt.Rule = v.Rule
	if err := refusedBy(v); err != nil {
		return catalog.Record{}, err
	}
	id, ok := catalog.ObjectID(name.String())
	if !ok {
		return catalog.Record{}, refusal(name.String(), reason.PolicyNoAllow)
	}
	rec, err := h.catalog.Get(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return rec, &vfs.Error{Op: "get", Name: name.String(), Reason: reason.Missing, Rule: v.Rule, Err: err}
	}
	if err != nil {
		return rec, &catalogError{err}
	}
	if h.cfg.Authorize.Authorize(ctx, op, rec) != nil {
		return rec, refusal(name.String(), reason.AuthDenied)
	}
	return rec, nil
}

// send answers with the object.
func (h *uploads) send(x *exchange, name vfs.Name, rec catalog.Record) {
	pres := h.present(x, rec)
	obj, err := x.open(name, vfs.Request{Range: httpheader.Range(x.r), Cond: httpheader.Conditions(x.r), Direct: x.direct(rec.Name, &pres)})
	if err != nil {
		x.fail(err, &pres)
		return
	}
	if obj.Info.Size != rec.Size {
		obj.Body.Close()
		x.fail(&vfs.Error{Op: "get", Name: name.String(), Err: vfs.ErrChanged}, nil)
		return
	}
	x.send(obj, &pres)
}

// present returns the presentation of the object of rec.
func (h *uploads) present(x *exchange, rec catalog.Record) presentation {
	kind, name := "inline", rec.Name
	if !mediatype.SafeInline(rec.Type) {
		kind = "attachment"
	}
	if x.link.DownloadName != "" {
		kind, name = "attachment", x.link.DownloadName
	}
	return presentation{
		contentType:  []string{httpheader.CleanValue(rec.Type)},
		cacheControl: h.cacheControlFor(x, rec, h.cacheControl),
		disposition:  []string{httpheader.FormatDisposition(kind, name)},
		sandbox:      true,
	}
}

// cacheControlFor is like exchange.cacheControlFor, but asks the UploadAuthorizer whether
// anyone may read this object, since that depends on its owner.
func (h *uploads) cacheControlFor(x *exchange, rec catalog.Record, usual []string) []string {
	if !h.cfg.Authorize.OpenTo(vfs.OpRead, rec) {
		return privateNoStore
	}
	return x.cacheControlFor(catalog.ObjectName(rec.ID), usual)
}

// remove removes the object of rec. Once the state of its row is deleting, clients no
// longer see the object; if a later step fails, a sweep finishes the removal.
func (h *uploads) remove(x *exchange, name vfs.Name, rec catalog.Record) {
	ctx := x.ctx
	if cond := httpheader.Conditions(x.r); !cond.IsZero() {
		// Objects never change, so a condition that holds now holds until the removal.
		cond.Unsafe = true
		if _, err := h.jail.Head(ctx, name, vfs.Request{Cond: cond}); err != nil {
			var e *vfs.Error
			if errors.As(err, &e) && h.cfg.Authorize.Authorize(ctx, vfs.OpRead, rec) != nil {
				e.Info = nil // the caller may not learn the version
			}
			x.fail(err, nil)
			return
		}
	}
	err := h.catalog.Delete(ctx, rec.ID)
	if errors.Is(err, catalog.ErrNotFound) {
		err = &vfs.Error{Op: "remove", Name: name.String(), Reason: reason.Missing, Err: err}
	} else if err != nil {
		err = &catalogError{err}
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err := reconcile.Clear(ctx, h.jail, h.catalog, rec.ID); err != nil {
		x.log("removing an upload failed, the next sweep will retry", err)
	}
	x.written(http.StatusNoContent, nil)
}

// clearTime bounds the work after a request, which continues even if the client has
// disconnected.
const clearTime = 30 * time.Second

// afterwards returns a context for work that has to be done even if the client has
// disconnected.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), clearTime)
}
