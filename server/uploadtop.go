package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// top answers GET / of uploads with the page to upload files, for callers who may.
func (h *uploads) top(x *exchange) {
	x.op = vfs.OpUpload
	if err := h.mayUpload(x); err != nil {
		x.fail(err, nil)
		return
	}
	owner := auth.FromContext(x.ctx).Name
	u := page.Upload{Limit: max(h.intake.MaxBytes, 0), Named: owner != ""}
	// A link does not show what else its user has.
	if u.Named && x.link.ID == "" {
		own, next, err := h.ownFiles(x, owner)
		if err != nil {
			x.fail(err, nil)
			return
		}
		var size int64
		for _, rec := range own {
			size += rowBytes + int64(len(rec.Name)+len(rec.Type))
			u.Files = append(u.Files, page.OwnFile{ID: rec.ID.String(), Name: rec.Name, Media: rec.Type, Size: rec.Size, Created: rec.Created, CanDelete: len(h.can(x, rec)) > 0})
		}
		if err := x.hold(size); err != nil {
			x.fail(err, nil)
			return
		}
		if next != nil {
			u.Next = "?" + next.Encode()
		}
	}
	if types := h.intake.Types.String(); types != "*/*" {
		u.Accept = strings.ReplaceAll(types, " ", "")
	}
	x.addVary(listingVary)
	x.sendDocument(http.StatusOK, h.site.Upload(x.frame(vfs.Root), u), privateNoStore)
}

// asksToDelete reports whether a request is for the form that asks before a file is deleted:
// GET /?delete=ID.
func asksToDelete(r *http.Request) bool {
	return r.Method != http.MethodPost && r.Method != http.MethodDelete && r.URL.RawQuery != "" && r.URL.Query().Has("delete")
}

// askToDelete answers with that form, for callers who may delete the file, and read it, since the
// form has its name.
func (h *uploads) askToDelete(x *exchange) {
	name, err := vfs.ParseName(x.r.URL.Query().Get("delete"))
	x.attempt.Name, x.op = name, vfs.OpDelete
	if err == nil && x.link.ID != "" {
		err = refusal(name.String(), audit.ReasonLink) // a link is for the URL of one object
	}
	var rec catalog.Record
	for _, op := range [...]vfs.Op{vfs.OpRead, vfs.OpDelete} {
		if err == nil {
			rec, err = h.find(x, op, name)
		}
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.addVary(listingVary)
	x.sendDocument(http.StatusOK, h.site.ConfirmRemoval(x.frame(vfs.Root), rec.ID.String(), rec.Name), privateNoStore)
}

// postAction deletes the file that a form names, as a DELETE would.
func (h *uploads) postAction(x *exchange) {
	// Before the body is looked at: the response must not depend on it.
	switch {
	case x.shouldChallenge():
		x.fail(refusal("", audit.ReasonRequired), nil)
		return
	case x.link.ID != "":
		// A link is for the URL of one object.
		x.fail(refusal("", audit.ReasonLink), nil)
		return
	}
	fields, err := h.intake.receiveFields(x)
	var name vfs.Name
	if err == nil {
		name, err = removalOf(fields)
	}
	if err == nil && !appliesToForm(httpheader.Conditions(x.r)) {
		err = errPrecondition
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.part = part{vfs.Root, http.MethodDelete}
	x.attempt.Name, x.op = name, vfs.OpDelete
	rec, err := h.find(x, x.op, name)
	if err != nil {
		x.fail(err, nil)
		return
	}
	h.remove(x, name, rec)
}

// removalOf returns the name of the file that a form asks to delete.
func removalOf(fields url.Values) (vfs.Name, error) {
	if len(fields["action"]) != 1 || len(fields["name"]) != 1 || fields.Get("action") != "delete" {
		return vfs.Name{}, errRemoval
	}
	return vfs.ParseName(fields.Get("name"))
}
