// Package listing renders one page of a directory's entries, as HTML and as JSON, and the
// page that answers a form. It is a separate package because of html/template, which no
// other part of the server needs.
package listing

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Page is one page of a directory.
type Page struct {
	Dir     vfs.Name
	Entries []vfs.Entry // files and directories
	Next    string      // the key to continue after, "" if this is the last page
	Limit   int         // entries per page requested by the client, 0 for the default
	Can     []string    // what the caller may do in Dir, for JSON
}

// NextURL returns a reference, relative to the page's own URL, to the next page; "" if
// there is none.
func (p *Page) NextURL() string {
	if p.Next == "" {
		return ""
	}
	q := url.Values{"after": {p.Next}}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return "?" + q.Encode()
}

// href returns the link to an entry of dir: its element after "./", so that "a:b" is not
// a scheme and "//" not a host. An element that is not a valid name has no link.
func href(dir vfs.Name, e *vfs.Entry) string {
	n, err := dir.Child(e.Elem)
	if err != nil {
		return ""
	}
	p := n.EscapedPath()
	p = "./" + p[strings.LastIndexByte(p, '/')+1:]
	if e.Kind == vfs.KindDir {
		p += "/"
	}
	return p
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
