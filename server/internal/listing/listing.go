// Package listing renders one page of a directory's entries, as HTML and as JSON, and the
// page that answers a form. It is a separate package because of html/template, which no
// other part of the server needs.
package listing

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Page is one page of a directory.
type Page struct {
	Dir     vfs.Name
	Entries []vfs.Entry // files and directories
	Next    string      // what after is for the next page, "" if this is the last one
	Query   Query
	Sorted  bool     // the entries have the order of Query
	Cut     bool     // a deep search ended early
	Can     []string // what the caller may do in Dir
}

// A Query is what the client asked for. The zero Query asks for all entries in the order of
// their keys.
type Query struct {
	Limit int    // entries per page, 0 for the default
	Sort  string // one of the constants below, "" if not given
	Desc  bool   // in descending order
	Text  string // what names contain, "" for all names
	Deep  bool   // also below the directory, with Text
}

// The values of Query.Sort.
const (
	ByName     = "name"
	BySize     = "size"
	ByModified = "modified"
)

// url returns a reference to a page with the query.
func (q Query) url(after string) string {
	v := url.Values{}
	if after != "" {
		v.Set("after", after)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Sort != "" {
		v.Set("sort", q.Sort)
	}
	if q.Desc {
		v.Set("order", "desc")
	}
	if q.Text != "" {
		v.Set("q", q.Text)
	}
	if q.Deep {
		v.Set("deep", "1")
	}
	return "?" + v.Encode()
}

// May reports whether the caller may do what in Dir.
func (p *Page) May(what string) bool { return slices.Contains(p.Can, what) }

// NextURL returns a reference, relative to the page's own URL, to the next page; "" if
// there is none.
func (p *Page) NextURL() string {
	if p.Next == "" {
		return ""
	}
	return p.Query.url(p.Next)
}

// Href returns the link to an entry: its path after "./", so that "a:b" is not a scheme and
// "//" not a host. What is not a valid name has no link.
func Href(e *vfs.Entry) string {
	n, err := vfs.ParseName(e.Elem)
	if err != nil {
		return ""
	}
	p := "./" + n.EscapedPath()
	if e.Kind == vfs.KindDir {
		p += "/"
	}
	return p
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
