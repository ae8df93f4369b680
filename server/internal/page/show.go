package page

import (
	_ "embed" // for the template
	"iter"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

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

	Text *string // what the page shows of a text, nil if it shows none; at most MaxText bytes

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
func (s *Site) File(frame Frame, f File) *Document {
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
	return s.document(showPage, &view{Frame: frame, Module: true, Show: &f})
}

// A Replacement is a copy or move of an object to the name of another one.
type Replacement struct {
	Action     string // of the form: "copy" or "move"
	Name, ETag string // of the object in the directory of the page; the ETag may be ""
	To         vfs.Name
	ToETag     string
	Size       int64 // of what is there
	ModTime    time.Time
}

// ConfirmReplace renders the page that asks before an object is replaced, in the version that r
// has.
func (s *Site) ConfirmReplace(frame Frame, r Replacement) *Document {
	fields := []Field{}
	for _, f := range [...][2]string{{"action", r.Action}, {"name", r.Name}, {"etag", r.ETag}, {"to", "/" + r.To.String()}, {"replace", "1"}, {"to_etag", r.ToETag}} {
		fields = append(fields, Field{Name: f[0], Value: f[1], Type: "hidden"})
	}
	facts := listing.HumanSize(r.Size)
	if !r.ModTime.IsZero() {
		_, people := listing.Times(r.ModTime)
		facts += ", modified " + people + " UTC"
	}
	return s.Form(frame, Form{
		Title: "Replace the file there?", Name: r.To.String(),
		Text:   "There is already a file with this name: " + facts + ". If that is changed meanwhile, it is kept.",
		Action: "./", Fields: fields, Button: "Replace", Danger: true,
		Links: []Link{{"Keep it", "./"}},
	})
}

// Pieces yields the text in pieces, so that it is not escaped as a whole: that can be five
// times as long.
func (f *File) Pieces() iter.Seq[string] {
	return func(yield func(string) bool) {
		rest := *f.Text
		for len(rest) > pieceBytes {
			n := pieceBytes
			for n > pieceBytes-utf8.UTFMax && !utf8.RuneStart(rest[n]) {
				n--
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
		yield(rest)
	}
}

const pieceBytes = 4 << 10

// ConfirmDelete renders the page that asks before a file is deleted, in the version that f has.
func (s *Site) ConfirmDelete(frame Frame, f File) *Document {
	text := "This cannot be undone."
	var etag []Field
	if f.ETag != "" {
		text += " If the file is changed meanwhile, it is kept."
		etag = []Field{{Name: "etag", Value: f.ETag, Type: "hidden"}}
	}
	return s.confirmDelete(frame, f.Name.Base(), f.Name.Base(), text, etag...)
}

// ConfirmRemoval renders the page that asks before an upload is deleted.
func (s *Site) ConfirmRemoval(frame Frame, id, name string) *Document {
	if !listing.Visible(name) {
		name = id
	}
	return s.confirmDelete(frame, id, name, "This cannot be undone.")
}

func (s *Site) confirmDelete(frame Frame, name, shown, text string, more ...Field) *Document {
	fields := append([]Field{{Name: "action", Value: "delete", Type: "hidden"}, {Name: "name", Value: name, Type: "hidden"}}, more...)
	return s.Form(frame, Form{
		Title: "Delete this file?", Name: shown, Text: text,
		Action: "./", Fields: fields, Button: "Delete", Danger: true,
		Links: []Link{{"Keep it", "./"}},
	})
}
