package page

import (
	_ "embed" // for the template
	"net/url"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var (
	//go:embed show.html
	showHTML string

	showPage = parse(showHTML)
)

// A File is a file as its page shows it.
type File struct {
	Name    vfs.Name // the page is one of the directory that has it
	Size    int64
	ModTime time.Time
	ETag    string // as in the header, "" if unknown
	Media   string

	Text *string // what the page shows of a text, nil if it shows none

	CanDelete, CanMove, CanCopy bool

	Share string // a reference to the form that makes a share of the file, "" for none

	// for the template
	Base, Href, Frame, Ask, Kind string
	Bytes, People                string
	Time, Modified               string
	Crumbs                       []crumb
	Here                         string
}

// File renders the page of a file: a preview and what the caller may do with it.
func (s *Site) File(frame Frame, f File) (*Document, error) {
	f.Base, f.Kind = f.Name.Base(), iconOf(f.Media)
	f.Href = listing.Href(&vfs.Entry{Elem: f.Base})
	f.Frame = "?" + url.Values{"show": {f.Base}}.Encode() + "&frame"
	f.Ask = "?" + url.Values{"delete": {f.Base}}.Encode()
	f.People, f.Bytes = listing.HumanSize(f.Size), strconv.FormatInt(f.Size, 10)
	if !f.ModTime.IsZero() {
		f.Time, f.Modified = listing.Times(f.ModTime)
	}
	f.Here = s.Title
	if dir := f.Name.Dir(); !dir.IsRoot() {
		f.Crumbs, f.Here = s.crumbs(dir), dir.Base()
	}
	frame.Title = f.Base
	return s.render(showPage, &view{Frame: frame, Module: true, Show: &f})
}

// ConfirmDelete renders the page that asks before a file is deleted, in the version that f has.
func (s *Site) ConfirmDelete(frame Frame, f File) (*Document, error) {
	text := "This cannot be undone."
	fields := []Field{{Name: "action", Value: "delete", Type: "hidden"}, {Name: "name", Value: f.Name.Base(), Type: "hidden"}}
	if f.ETag != "" {
		text += " If the file is changed meanwhile, it is kept."
		fields = append(fields, Field{Name: "etag", Value: f.ETag, Type: "hidden"})
	}
	return s.Form(frame, Form{
		Title: "Delete this file?", Name: f.Name.Base(), Text: text,
		Action: "./", Fields: fields, Button: "Delete", Danger: true,
		Links: []Link{{"Keep it", "./"}},
	})
}
