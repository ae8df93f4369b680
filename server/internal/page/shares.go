package page

import (
	_ "embed" // for the template
	"net/url"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
)

var (
	//go:embed shares.html
	sharesHTML string

	sharesPage = parse(sharesHTML)
)

// Shares is the page of a user's own shares, or with Form the one to make a share.
type Shares struct {
	Form *ShareForm
	Rows []ShareRow
	Next string // a reference to older shares, "" if there are none

	At string // for the template
}

// A ShareForm is the form to make a share or, with URL, what was made.
type ShareForm struct {
	Path      string // the whole path, with a slash at its end for a directory
	Dir       bool
	CanUpload bool
	Age       string // of a share if its issuer does not say
	Alert     string // what went wrong, "" for nothing

	URL, Href string // the link, as people copy it and as a reference
	Password  bool
	Until     time.Time

	Expires, ExpiresText string // for the template
}

// A ShareRow is a share in the list. Path and Note may be anything.
type ShareRow struct {
	ID, Path, Note            string
	Used, Limit               int64
	Password, Upload, Expired bool
	Until                     time.Time

	Href, Expires, ExpiresText string // for the template
}

// Shares renders the page of shares. It loads nothing: no mount is around it.
func (s *Site) Shares(frame Frame, p Shares) *Document {
	p.At, frame.Title = SharesPath, "My shares"
	if f := p.Form; f != nil {
		frame.Title = "Share"
		f.Expires, f.ExpiresText = listing.Times(f.Until)
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		r.Href = (&url.URL{Path: r.Path}).EscapedPath()
		r.Expires, r.ExpiresText = listing.Times(r.Until)
	}
	return s.document(sharesPage, &view{Frame: frame, Made: &p})
}
