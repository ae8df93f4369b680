// Package listing renders one page of a directory's entries, as HTML and as
// JSON. It is a package of its own for html/template, which no other part of
// the server needs.
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
	Next    string      // the key to go on after, "" if this is the last page
	Limit   int         // entries a page as the client asked for them, 0 if it did not
}

// NextURL returns the reference, relative to the page's own URL, of the page that
// follows; "" if none does.
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

// href returns what a page of dir links to: the element with "./" before it, so
// that "a:b" is no scheme and "//" no host. An element that makes no name has
// no link.
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
