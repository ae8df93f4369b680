package server

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A listQuery is what the query of a request asks of a listing.
type listQuery struct {
	listing.Query
	after string // where the page begins: a key, a position in another order, or ""
}

// parseListQuery parses a query. A query never makes a request fail: an after that no listing
// returns is ignored, a limit that is not a number is 0, and one out of bounds is the nearest.
// What else is unknown counts as not given.
func parseListQuery(u *url.URL, dir vfs.Name) (l listQuery) {
	if u.RawQuery == "" {
		return l
	}
	q := u.Query()
	l.Limit = pageSize(q, 0, maxPage)
	if s := q.Get("sort"); s == listing.ByName || s == listing.BySize || s == listing.ByModified {
		l.Sort, l.Desc = s, q.Get("order") == "desc"
	}
	l.Text = strings.ToValidUTF8(q.Get("q"), "\uFFFD")
	l.Deep = l.Text != "" && q.Get("deep") == "1"
	l.after = q.Get("after")
	if !isPosition(l.after) && !l.isKey(dir, strings.TrimSuffix(l.after, "/")) {
		l.after = ""
	}
	return l
}

// pageSize returns the limit in a query: usual if there is none or what is there is not a number,
// and the nearest from 1 to most if it is out of bounds.
func pageSize(q url.Values, usual, most int) int {
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		return usual
	}
	return min(max(n, 1), most)
}

// isKey reports whether the listing of dir can have an entry of this name.
func (l *listQuery) isKey(dir vfs.Name, elem string) bool {
	if !l.Deep {
		_, err := dir.Child(elem)
		return err == nil
	}
	n, err := vfs.ParseName(elem)
	if err == nil {
		_, err = dir.Join(n)
	}
	return err == nil
}

// reorders reports whether the entries are wanted in another order than that of keys.
func (l *listQuery) reorders() bool {
	return l.Desc || l.Sort == listing.BySize || l.Sort == listing.ByModified
}
