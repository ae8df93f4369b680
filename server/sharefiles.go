package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var allowFiles = []string{"GET, HEAD, POST, OPTIONS"}

// A file whose name is taken gets a number, up to maxNumber; then something random, as each
// number costs an attempt, and an end would tell how many files were there before.
const (
	maxNumber    = 20
	randomTries  = 3
	randomLength = 8
)

// receiveFiles answers a request that uses a share for file requests: a form, and the files
// that it sends. It tells nothing of what is there, not even the names under which the files
// were stored: whether one has a number would tell of another file.
func (h *shares) receiveFiles(w http.ResponseWriter, r *http.Request, s *openShare) {
	x := begin(w, r, s.mount.jail, h.cfg.Recorder, h.cfg.Logger)
	defer x.end()
	x.enterShare()
	x.pace, x.lingering, x.site = pace(h.cfg.MinRate), h.lingering, h.site
	x.form, x.attempt.Name = isBrowserForm(r), s.name
	if r.Method != http.MethodPost && !x.takeMethod(allowFiles) {
		return
	}
	x.op = vfs.OpWrite
	bare := spelled(r.URL) == ""
	switch {
	case !bare && !isTop(r.URL):
		x.fail(refusal(s.name.String(), reason.AuthDenied), nil)
	case r.Method == http.MethodPost && crossOrigin.Check(r) != nil:
		x.fail(refusal(s.name.String(), audit.ReasonCrossOrigin), nil)
	case r.Method == http.MethodPost:
		h.storeFiles(x, s)
	case bare:
		x.redirectDir(x.share.at, privateNoStore)
	default:
		x.sendFileForm()
	}
}

// receives returns nil if a file request for dir would add files now. Where content is trusted,
// a page that anybody sends would run with the rights of whoever opens it.
func (m *sharedMount) receives(ctx context.Context, dir vfs.Name) error {
	if m.intake == nil {
		return refusal(dir.String(), reason.PolicyNoAllow)
	}
	var refused error
	for n := range newNames(ctx, m.jail, dir) {
		names, err := m.namesFor(ctx, dir, n.Base())
		switch {
		case err == nil && m.trusted:
			return errShareTrusted
		case err == nil:
			return nil
		case names != nil:
			refused = errShareNames
		case refused == nil:
			refused = err
		}
	}
	return refused
}

// namesFor returns the names under which a file called elem may be stored in dir, in the order in
// which they are tried. The error is why not all of them are allowed, with no names if even the
// first is not. It is decided for all of them before anything is known of what is there: if a
// second file of one name were refused, that would tell of the first.
func (m *sharedMount) namesFor(ctx context.Context, dir vfs.Name, elem string) (names []vfs.Name, err error) {
	for i := 1; i <= maxNumber+randomTries; i++ {
		n, err := dir.Child(renamed(elem, i))
		if err == nil {
			err = refusedBy(m.jail.Explain(ctx, vfs.OpWrite, n))
		}
		if err != nil {
			return names, err
		}
		names = append(names, n)
	}
	return names, nil
}

// sendFileForm sends the page with the form.
func (x *exchange) sendFileForm() {
	x.sendDocument(http.StatusOK, x.site.Form(guestFrame, page.Form{
		Title: "Send files", Button: "Send",
		Text:   "Whoever gave you this link receives the files. You cannot see or change them afterwards.",
		Fields: []page.Field{{Name: "file", Label: "Files", Type: "file"}},
	}), privateNoStore)
}

// storeFiles stores the files of a form one after the other. Each is a use of the share. A
// failure ends the request; the files before it stay.
func (h *shares) storeFiles(x *exchange, s *openShare) {
	kind, boundary := formOf(x.r)
	if kind != formFiles {
		x.fail(errNoForm, nil)
		return
	}
	in := *s.mount.intake
	for _, most := range []int64{s.MaxBytes, h.cfg.MaxReceived - s.Received} {
		if most > 0 && (in.MaxBytes <= 0 || most < in.MaxBytes) {
			in.MaxBytes = most
		}
	}
	most := in.spooledFormBytes()
	if err := in.checkForm(x.r, most); err != nil {
		x.fail(err, nil)
		return
	}
	names, err := h.storeEach(x, &in, s, boundary, most)
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.received(names)
}

// storeEach receives a form of at most that many bytes, stores its files, and returns their names
// for the answer. Its slot is free before that is sent, which takes a slow client as long as it
// likes.
func (h *shares) storeEach(x *exchange, in *intake, s *openShare, boundary string, most int64) (names []string, err error) {
	body, err := in.receive(x)
	if err != nil {
		return nil, err
	}
	defer x.endBody(body)
	err = eachPart(boundary, &limitedBody{body, most}, defaultMaxFiles, func(filename string, content io.Reader) error {
		err := h.storeShared(x, in, s, filename, content)
		if err == nil {
			names = append(names, echoed(filename))
		}
		return err
	}, nil)
	return names, err
}

// storeShared stores one file in the shared directory, under a name made from filename that
// nothing has.
func (h *shares) storeShared(x *exchange, in *intake, s *openShare, filename string, content io.Reader) error {
	name := vfs.SafeName(filename, vfs.SafeNameOptions{MaxBytes: vfs.MaxElementBytes - randomLength - len(" ()")}).String()
	names, err := s.mount.namesFor(x.ctx, s.name, name)
	switch {
	case err != nil:
		return err
	case !in.Types.set.HasName(name):
		return errType
	case s.mount.inPlace.encodes(name):
		return errEncodedName
	}
	file := in.checked(x.ctx, content, Upload{Name: names[0], Filename: name, Type: mediatype.ByName(name)[0]})
	defer file.close()
	// Received whole: what fails on the way is no use, and another name needs it again.
	if err := file.receive(x.client()); err != nil {
		return err
	}
	size := file.upload.Size
	switch ok, err := h.cfg.Store.ReceiveFile(x.ctx, s.ID, size, h.cfg.MaxReceived, x.share.now); {
	case err != nil:
		return &catalogError{err}
	case !ok:
		return refusal("", audit.ReasonShareUsed)
	}
	for _, n := range names {
		var written vfs.Written
		written, err = x.putNew(s, n, &file.upload)
		if err == nil {
			x.recordStored(n, &written, http.StatusCreated, file.upload.Size)
		}
		if !isTaken(err) {
			break
		}
	}
	if err != nil && storedNothing(err) {
		ctx, cancel := afterwards(x.ctx)
		defer cancel()
		if err := h.cfg.Store.ReturnFile(ctx, s.ID, size); err != nil {
			x.log("returning the use of a share", err)
		}
	}
	return err
}

// storedNothing reports whether a Put that failed with err is known to have stored nothing.
func storedNothing(err error) bool {
	return errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, vfs.ErrFailed) || errors.Is(err, fs.ErrNotExist)
}

// putNew creates an object. What would be served in place of others is taken.
func (x *exchange) putNew(s *openShare, n vfs.Name, u *Upload) (vfs.Written, error) {
	if s.mount.inPlace.has(n.Base()) {
		return vfs.Written{}, vfs.ErrPrecondition
	}
	return x.jail.Put(x.ctx, n, u.Open(), vfs.PutOptions{Cond: newOnly(true), Size: u.Size, SizeKnown: true, ContentType: u.Type})
}

// isTaken reports whether anything has the name, or one that differs only in case or normal
// form: also what is no object, such as a link. The share shows none of it, so its sender must
// not learn of it.
func isTaken(err error) bool {
	switch vfs.ReasonOf(err) {
	case reason.Directory, reason.CreateSibling, reason.HiddenSibling, reason.Symlink, reason.SpecialFile, reason.HardLink, reason.OwnFile:
		return true
	}
	return errors.Is(err, vfs.ErrPrecondition)
}

// renamed returns the name of the i-th attempt to store a file: from the second on, with a
// number or something random before its extension.
func renamed(name string, i int) string {
	if i == 1 {
		return name
	}
	mark := strconv.Itoa(i)
	if i > maxNumber {
		mark = strings.ToLower(rand.Text()[:randomLength])
	}
	stem, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		stem, ext = name[:dot], name[dot:]
	}
	return stem + " (" + mark + ")" + ext
}

// received answers a form whose files were stored, by the names that the client sent.
func (x *exchange) received(names []string) {
	if x.form {
		p := listing.Answer{Title: fmt.Sprintf("%d files sent", len(names)), Text: "Thank you."}
		if len(names) == 1 {
			p.Title = "1 file sent"
		}
		if x.sendPage(http.StatusCreated, &p) {
			return
		}
	}
	type fileJSON struct {
		Name string `json:"name"`
	}
	answer := struct {
		Files []fileJSON `json:"files"`
	}{[]fileJSON{}}
	for _, name := range names {
		answer.Files = append(answer.Files, fileJSON{name})
	}
	x.sendJSON(http.StatusCreated, noStore, answer)
}
