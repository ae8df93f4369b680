package page

import (
	_ "embed" // for the template
	"net/url"
	"path"
	"strconv"
	"strings"

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
	Rows    []row
	Query   listing.Query
	Next    string
	Can     string

	CanWrite, CanZip bool
	Unsorted, Cut    bool
}

type column struct {
	listing.Column
	UTC bool
}

type crumb struct{ Name, Href string }

type row struct {
	Icon           string
	Name, Href     string
	Size, Bytes    string
	Time, Modified string
	Show           string
}

// List renders a page of a directory.
func (s *Site) List(frame Frame, p *listing.Page) (*Document, error) {
	l := &listView{
		Name: s.Title, Dir: p.Dir.String(), Query: p.Query, Next: p.NextURL(), Can: strings.Join(p.Can, " "),
		Unsorted: !p.Sorted, Cut: p.Cut, Rows: make([]row, len(p.Entries)),
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
	for i := range p.Entries {
		e, r := &p.Entries[i], &l.Rows[i]
		r.Name, r.Href = e.Key(), listing.Href(e)
		if e.Kind == vfs.KindDir {
			r.Icon = "dir"
			continue
		}
		r.Show = showURL(e.Elem)
		r.Icon = iconOf(mediatype.ByName(path.Base(e.Elem))[0])
		r.Size, r.Bytes = listing.HumanSize(e.Size), strconv.FormatInt(e.Size, 10)
		if !e.ModTime.IsZero() {
			r.Time, r.Modified = listing.Times(e.ModTime)
		}
	}
	return s.render(listPage, &view{Frame: frame, Module: true, List: l})
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

// showURL returns a reference to the page of a file, which belongs to the directory of the file.
func showURL(elem string) string {
	dir, base := path.Split(elem)
	ref := "?" + url.Values{"show": {base}}.Encode()
	if dir == "" {
		return ref
	}
	n, err := vfs.ParseName(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return ""
	}
	return "./" + n.EscapedPath() + "/" + ref
}
