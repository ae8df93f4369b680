package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The number of files on a page of the caller's uploads.
const (
	minePage    = 100
	maxMinePage = 1000
)

// A mineJSON is a page of the caller's own uploads.
type mineJSON struct {
	Files []mineFileJSON `json:"files"`
	Next  string         `json:"next,omitempty"`
}

// A mineFileJSON is one of them.
type mineFileJSON struct {
	ownFileJSON
	Can []string `json:"can"` // what the caller may do with the file, but for reading it
}

// can returns what the caller may do with the file of rec: "delete", or nothing. A link to
// upload does not delete.
func (h *uploads) can(x *exchange, rec catalog.Record) []string {
	can := []string{}
	if x.link.ID == "" && h.jail.Explain(x.ctx, vfs.OpDelete, catalog.ObjectName(rec.ID)).Allowed && h.cfg.Authorize.Authorize(x.ctx, vfs.OpDelete, rec) == nil {
		can = append(can, "delete")
	}
	return can
}

// isMine reports whether a request asks for the caller's uploads: GET /?mine.
func isMine(r *http.Request) bool {
	return r.Method != http.MethodPost && r.Method != http.MethodDelete && r.URL.RawQuery != "" && r.URL.Query().Has("mine")
}

// mine answers with a page of the caller's own uploads, the newest first: those that the caller
// may read. A caller without a name owns nothing: what anonymous callers upload belongs to
// everyone, and nobody may list that.
func (h *uploads) mine(x *exchange) {
	owner := auth.FromContext(x.ctx).Name
	if owner == "" || x.link.ID != "" {
		x.fail(refusal("", reason.AuthDenied), nil)
		return
	}
	own, next, err := h.ownFiles(x, owner)
	if err != nil {
		x.fail(err, nil)
		return
	}
	answer := mineJSON{Files: []mineFileJSON{}}
	for _, rec := range own {
		answer.Files = append(answer.Files, mineFileJSON{newOwnFileJSON(rec), h.can(x, rec)})
	}
	if next != nil {
		answer.Next = next.Get("after")
		next.Set("mine", "")
	}
	x.sendPageJSON(answer, next)
}

// ownFiles returns the page of owner's uploads that the query asks for, and the query of the
// next page, nil if there is none. owner is the caller.
func (h *uploads) ownFiles(x *exchange, owner string) (own []catalog.Record, next url.Values, err error) {
	q := x.r.URL.Query()
	limit := pageSize(q, minePage, maxMinePage)
	after, _ := parseMark(q.Get("after"))
	found, err := h.catalog.Owned(x.ctx, owner, after, limit)
	if err != nil {
		return nil, nil, &catalogError{err}
	}
	for _, rec := range found {
		v := h.jail.Explain(x.ctx, vfs.OpRead, catalog.ObjectName(rec.ID))
		if v.Allowed && h.cfg.Authorize.Authorize(x.ctx, vfs.OpRead, rec) == nil {
			x.attempt.Rule = v.Rule
			own = append(own, rec)
		}
	}
	if len(found) == 0 {
		return own, nil, nil
	}
	// A catalog may return less than there is, so the number of records tells nothing.
	last := found[len(found)-1]
	rest, err := h.catalog.Owned(x.ctx, owner, last, 1)
	if err != nil {
		return nil, nil, &catalogError{err}
	}
	if len(rest) > 0 {
		next = url.Values{"after": {mark(last)}}
		if q.Has("limit") {
			next.Set("limit", strconv.Itoa(limit))
		}
	}
	return own, next, nil
}

// mark returns the place of a record among those of its owner, for a query.
func mark(rec catalog.Record) string {
	return strconv.FormatInt(rec.Created.UnixMicro(), 10) + "." + rec.ID.String()
}

// parseMark returns a record with that place. It reports false, and returns the zero Record,
// which has the first one, for what mark does not return.
func parseMark(s string) (rec catalog.Record, ok bool) {
	micros, id, ok := strings.Cut(s, ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if !ok || err != nil {
		return rec, false
	}
	if rec.ID, ok = catalog.ObjectID(id); !ok {
		return catalog.Record{}, false
	}
	rec.Created = time.UnixMicro(n).UTC()
	return rec, mark(rec) == s
}
