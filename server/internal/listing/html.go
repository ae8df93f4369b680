package listing

import (
	"crypto/sha256"
	_ "embed" // for the templates and their style
	"encoding/base64"
	"html/template"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed entries.html
	entriesHTML string

	entries = pageOf(entriesHTML)
)

// pageOf returns the template of a page with that content.
func pageOf(content string) *template.Template {
	return template.Must(template.Must(template.New("page").Parse(pageHTML)).Parse(content))
}

// CSP allows only the page's own style: whatever a file name injects into the page
// cannot run, load or send anything. SearchCSP is for listings as HTML, whose form may be
// sent to this server.
var (
	CSP       = csp("'none'")
	SearchCSP = csp("'self'")
)

func csp(formAction string) string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action " + formAction + "; frame-ancestors 'none'"
}

type htmlPage struct {
	Title   string
	Style   template.CSS
	Parent  bool
	Columns []Column
	Entries iter.Seq[[]htmlEntry]
	Empty   bool
	Next    string
	Query   Query

	Unsorted bool // another order was asked for
	Cut      bool
}

// A Column is a heading of a listing, with a link to the page in its order.
type Column struct {
	Name, Href string
	Order      string // "ascending", "descending" or "", for aria-sort
	Class      string
}

type htmlEntry struct {
	Name, Href     string
	Size, Bytes    string
	Time, Modified string
}

// WriteHTML writes the page as an HTML document without scripts. It fails only if w does.
func (p *Page) WriteHTML(w io.Writer) error {
	out := htmlPage{Title: "/", Style: template.CSS(pageCSS), Parent: !p.Dir.IsRoot()}
	if out.Parent {
		out.Title = p.Dir.String() + "/"
	}
	out.Entries, out.Empty = Rows(p.Entries, lineOf), len(p.Entries) == 0
	out.Columns, out.Query = p.Columns(), p.Query
	out.Unsorted, out.Cut = !p.Sorted, p.Cut
	out.Next = p.NextURL()
	return entries.Execute(w, &out)
}

// Rows yields the rows of a table with entries, some at a time: all rows of a page need several
// times the memory of its entries, for as long as the client takes to read it. A row is valid
// until the next ones.
func Rows[R any](entries []vfs.Entry, rowOf func(*vfs.Entry) R) iter.Seq[[]R] {
	return func(yield func([]R) bool) {
		rows := make([]R, 0, rowsAtOnce)
		for some := range slices.Chunk(entries, rowsAtOnce) {
			rows = rows[:0]
			for i := range some {
				rows = append(rows, rowOf(&some[i]))
			}
			if !yield(rows) {
				return
			}
		}
	}
}

const rowsAtOnce = 64

func lineOf(e *vfs.Entry) htmlEntry {
	line := htmlEntry{Name: e.Key(), Href: Href(e)}
	if e.Kind != vfs.KindDir {
		line.Size, line.Bytes = HumanSize(e.Size), strconv.FormatInt(e.Size, 10)
	}
	if e.Kind != vfs.KindDir && !e.ModTime.IsZero() {
		line.Time, line.Modified = Times(e.ModTime)
	}
	return line
}

// Columns returns the headings, each with a link to the page in its order; the heading of the
// present order, to its reverse.
func (p *Page) Columns() []Column {
	columns := []Column{
		{Name: "Name", Href: ByName},
		{Name: "Size", Href: BySize, Class: "n"},
		{Name: "Modified (UTC)", Href: ByModified},
	}
	for i := range columns {
		c, q := &columns[i], p.Query
		present := p.Sorted && (q.Sort == c.Href || q.Sort == "" && c.Href == ByName)
		switch {
		case present && q.Desc:
			c.Order = "descending"
		case present:
			c.Order = "ascending"
		}
		q.Sort, q.Desc = c.Href, present && !q.Desc
		c.Href = q.url("")
	}
	return columns
}

// Times formats a time for the datetime attribute and for people, in UTC.
func Times(t time.Time) (exact, people string) {
	return rfc3339(t), t.UTC().Format("2006-01-02 15:04")
}

// HumanSize formats a size with a binary unit.
func HumanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1024, 0
	for v >= 999.95 && unit < 5 {
		v, unit = v/1024, unit+1
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + "KMGTPE"[unit:unit+1] + "iB"
}
