package page

import (
	_ "embed" // for the template
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
)

var (
	//go:embed upload.html
	uploadHTML string

	uploadPage = parse(uploadHTML)
)

// An Upload is the page at the top of uploads.
type Upload struct {
	Accept string // the types that are accepted, for the file picker; "" for all
	Limit  int64  // bytes of one file, 0 for no limit
	Named  bool   // the server knows the caller's uploads
	Files  []OwnFile
	Next   string // a reference to the next page of files, "" if there is none

	MaxSize string // for the template
}

// An OwnFile is a file that the caller has uploaded.
type OwnFile struct {
	ID, Name, Media string
	Size            int64
	Created         time.Time
	CanDelete       bool // by the caller

	// for the template
	Icon, More, Bytes, People, Time, Stamp string
}

// Upload renders the page at the top of uploads.
func (s *Site) Upload(frame Frame, u Upload) *Document {
	if u.Limit > 0 {
		u.MaxSize = listing.HumanSize(u.Limit)
	}
	for i := range u.Files {
		f := &u.Files[i]
		f.Icon, f.Bytes, f.People = iconOf(f.Media), strconv.FormatInt(f.Size, 10), listing.HumanSize(f.Size)
		f.More = "./" + f.ID
		if f.CanDelete {
			f.More = "?delete=" + f.ID
		}
		f.Time, f.Stamp = listing.Times(f.Created)
		if !listing.Visible(f.Name) {
			f.Name = f.ID
		}
	}
	return s.document(uploadPage, &view{Frame: frame, Module: true, Upload: &u})
}
