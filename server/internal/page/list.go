package page

import (
	_ "embed" // for the template
	"html/template"
	"iter"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var (
	//go:embed list.html
	listHTML string

	listPage = parse(listHTML)
)

type listView struct {
	Name    string // of the directory, as the heading
	Dir     string
	Crumbs  []crumb
	Columns []column
	Rows    iter.Seq[[]row]
	Count   int
	Query   listing.Query
	Next    string
	Can     string
	Share   string

	CanWrite, CanZip bool
	Unsorted, Cut    bool
}

type column struct {
	listing.Column
	UTC bool
}

type crumb struct{ Name, Href string }

// A row is an entry. To render thousands of rows takes most of the time of a page, so what
// has no text of a client is put together here.
type row struct {
	Icon       template.HTML
	Name, Href string
	Facts      template.HTML // the cells with size and time
	Details    string        // a reference to the page of a file, "" for a directory
	Share      string        // a reference to the form that makes a share of it, "" for none
}

// List renders a page of a directory. share returns a reference to the form that makes a share
// of an entry, or with nil of the directory itself; "" for none.
func (s *Site) List(frame Frame, p *listing.Page, share func(*vfs.Entry) string) *Document {
	rowOf := func(e *vfs.Entry) row {
		r := rowOf(e)
		r.Share = share(e)
		return r
	}
	l := &listView{
		Name: s.Title, Dir: p.Dir.String(), Query: p.Query, Next: p.NextURL(), Can: strings.Join(p.Can, " "), Share: share(nil),
		Unsorted: !p.Sorted, Cut: p.Cut, Rows: listing.Rows(p.Entries, rowOf), Count: len(p.Entries),
	}
	for _, c := range p.Columns() {
		name, utc := strings.CutSuffix(c.Name, " (UTC)")
		c.Name = name
		l.Columns = append(l.Columns, column{c, utc})
	}
	l.CanWrite, l.CanZip = p.May("write"), p.May("zip") && len(p.Entries) > 0 && p.Query.Text == ""
	if !p.Dir.IsRoot() {
		l.Name, l.Crumbs = p.Dir.Base(), s.crumbs(p.Dir)
		frame.Title = l.Name
	}
	return s.document(listPage, &view{Frame: frame, Module: true, List: l})
}

func rowOf(e *vfs.Entry) row {
	r := row{Name: e.Key(), Href: listing.Href(e)}
	if e.Kind == vfs.KindDir {
		r.Icon, r.Facts = icons["dir"], "<td></td><td></td>"
		return r
	}
	below, elem := "", e.Elem
	if i := strings.LastIndexByte(elem, '/'); i >= 0 { // a search found the file below this directory
		below, elem = listing.Href(&vfs.Entry{Elem: elem[:i], Kind: vfs.KindDir}), elem[i+1:]
	}
	r.Details = below + "?show=" + strings.ReplaceAll(url.QueryEscape(elem), "+", "%20")
	r.Icon, r.Facts = icons[iconOf(mediatype.ByName(path.Base(e.Elem))[0])], facts(e.Size, e.ModTime)
	return r
}

// crumbs returns the directories above dir, from the top of the mount.
func (s *Site) crumbs(dir vfs.Name) []crumb {
	elems := strings.Split(dir.String(), "/")
	up := len(elems)
	list := []crumb{{s.Title, strings.Repeat("../", up)}}
	for i, elem := range elems[:up-1] {
		list = append(list, crumb{elem, strings.Repeat("../", up-1-i)})
	}
	return list
}

// icons are the elements of all icons of entries.
var icons = func() map[string]template.HTML {
	m := map[string]template.HTML{}
	for _, kind := range []string{"dir", kindImage, kindAudio, kindVideo, kindPDF, kindText, kindCode, kindPage, kindArchive, kindFile} {
		m[kind] = template.HTML(`<svg aria-hidden="true"><use href="#i-` + kind + `"/></svg>`)
	}
	return m
}()

// facts returns the cells with the size and the time of a file. Both are made of digits.
func facts(size int64, modified time.Time) template.HTML {
	cells := `<td><data value="` + strconv.FormatInt(size, 10) + `">` + listing.HumanSize(size) + `</data></td><td>`
	if !modified.IsZero() {
		exact, people := listing.Times(modified)
		cells += `<time datetime="` + exact + `">` + people + `</time>`
	}
	return template.HTML(cells + `</td>`)
}
