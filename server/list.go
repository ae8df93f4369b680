package server

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The number of entries on a page of a listing. Programs that mirror a tree by its HTML, such
// as rclone and lftp, take the first page for the whole directory, so an HTML page has as
// many as possible.
const (
	jsonPage = 1000
	htmlPage = maxPage
	maxPage  = 10_000
)

// searchSlots is the number of searches that a handler makes at a time: each may keep a
// processor, or a store, busy for seconds.
const searchSlots = 4

// searchesPerClient is how many searches one client can make at a time, so that it does not keep
// all others from searching.
const searchesPerClient = 2

var (
	listingVary = varyOn(false, true)
	htmlType    = []string{"text/html; charset=utf-8"}
	listingJSON = []string{"application/json"}
	listingCSP  = []string{listing.CSP}
	searchCSP   = []string{listing.SearchCSP}
)

// list answers with one page of dir's entries. It collects them before it sends the header, so
// that an error can still be answered.
func (h *handler) list(x *exchange, dir vfs.Name, asJSON bool) {
	q := parseListQuery(x.r.URL, dir)
	limit := q.Limit
	switch {
	case limit > 0:
	case asJSON:
		limit = jsonPage
	default:
		limit = htmlPage
	}
	found, sorted, err := h.find(x, dir, &q, limit)
	if err != nil {
		x.fail(err, nil)
		return
	}
	p := listing.Page{Dir: x.shown(dir), Entries: found.Entries, Next: found.Next, Query: q.Query, Sorted: sorted, Cut: found.Cut}
	if asJSON || h.site != nil {
		p.Can = h.can(x, dir, found.Entries)
	}
	if err := x.hold(sizeOf(found.Entries)); err != nil {
		x.fail(err, nil)
		return
	}
	render, setHeaders := h.renderer(x, &p, asJSON)
	x.attempt.Rule = x.jail.Explain(x.ctx, vfs.OpList, dir).Rule
	header := x.Header()
	setHeaders(header)
	x.hideReferrer()
	if next := p.NextURL(); next != "" {
		header["Link"] = append(slices.Clip(header["Link"]), "<"+next+`>; rel="next"`)
	}
	header["Cache-Control"] = x.cacheControlForListing(noCache)
	if h.site != nil && !asJSON {
		header["Cache-Control"] = privateNoStore // it has a nonce
	}
	x.addVary(listingVary)
	header["X-Content-Type-Options"] = noSniff
	x.sendRendered(http.StatusOK, render)
}

// find returns the page that q asks for. Searches are few at a time; the slot of one is free
// before its page is sent, which takes a slow client as long as it likes.
func (h *handler) find(x *exchange, dir vfs.Name, q *listQuery, limit int) (p vfs.Page, sorted bool, err error) {
	// To find a text in one directory takes many requests of a store without directories.
	if q.Deep || q.Text != "" && !h.jail.Caps().Directories {
		give := h.searches.takeFor(x.client(), searchesPerClient)
		if give == nil {
			return p, false, errSearchBusy
		}
		defer give()
	}
	return q.page(x.lister(dir, q), limit)
}

// renderer returns what writes the body of a listing, and what sets the headers of its kind.
func (h *handler) renderer(x *exchange, p *listing.Page, asJSON bool) (render func(io.Writer) error, setHeaders func(http.Header)) {
	switch {
	case asJSON:
		return p.WriteJSON, setTypeAndCSP(listingJSON, listingCSP)
	case h.site == nil:
		return p.WriteHTML, setTypeAndCSP(htmlType, searchCSP)
	}
	d := h.site.List(x.frame(p.Dir), p, h.sharePages(x, p))
	return d.Render, d.SetHeaders
}

func setTypeAndCSP(contentType, csp []string) func(http.Header) {
	return func(h http.Header) { h["Content-Type"], h["Content-Security-Policy"] = contentType, csp }
}

// lister returns the lister of what q selects of dir.
func (x *exchange) lister(dir vfs.Name, q *listQuery) lister {
	if q.Text == "" {
		return func(after string, limit int) (vfs.Page, error) { return x.jail.ListPage(x.ctx, dir, after, limit) }
	}
	find := x.jail.FindPage
	if q.Deep {
		find = x.jail.Search
	}
	return func(after string, limit int) (vfs.Page, error) { return find(x.ctx, dir, q.Text, after, limit) }
}

// prefersJSON reports whether an Accept prefers JSON to HTML. Wildcards do not count.
func prefersJSON(accept []string) bool {
	var jsonQ, htmlQ httpheader.Quality
	for name, q := range httpheader.AcceptItems(accept) {
		switch {
		case strings.EqualFold(name, "application/json"):
			jsonQ = q
		case strings.EqualFold(name, "text/html"):
			htmlQ = q
		}
	}
	return jsonQ > htmlQ
}
