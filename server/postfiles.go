package server

import (
	"errors"
	"io"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// posted is the files of one POST to a directory. They are received into files of their own,
// and all are judged, before the first of them can be seen. Keeping them in the backend until
// then, with one unfinished Put for each, would block forever on a backend that limits
// concurrent calls.
type posted struct {
	h     *handler
	x     *exchange
	dir   vfs.Name
	files []*postedFile
	names map[vfs.Name]bool

	failed  bool  // a file was refused, and nothing will be stored
	skipped int64 // bytes of files that were not received after that

	replace bool
	etag    string
	set     map[string]bool // the fields that were given
}

// A postedFile is one file.
type postedFile struct {
	filename string // as echoed returns it
	name     vfs.Name
	body     *checkedBody // nil if it was not received
	written  vfs.Written
	stored   bool
	created  bool // stored as a new object, which nobody else has
	err      error
	byStore  bool // err tells of what is stored, not only of the name
}

// errStopped ends a form after a refused file, for which no more of it is worth reading.
var errStopped = errors.New("server: the rest of the form is not read")

// postFiles stores the files of a form in dir, all of them or none.
func (h *handler) postFiles(x *exchange, dir vfs.Name, boundary string) {
	// Callers who may not write any name are refused before the body is read.
	if x.shouldChallenge() {
		x.fail(errRequired, nil)
		return
	}
	most := h.intake.spooledFormBytes()
	err := h.intake.checkForm(x.r, most)
	if !appliesToForm(httpheader.Conditions(x.r)) {
		err = errPrecondition
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	p := &posted{h: h, x: x, dir: dir, names: map[vfs.Name]bool{}, set: map[string]bool{}}
	if err := p.receive(boundary, most); err != nil {
		x.fail(err, nil)
		return
	}
	p.answer()
}

// receive receives the form and stores its files, unless one of them is refused. Its slot and
// its temporary files are free before the answer is sent, which takes a slow client as long as
// it likes.
func (p *posted) receive(boundary string, most int64) error {
	body, err := p.h.intake.receive(p.x)
	if err != nil {
		return err
	}
	defer p.x.endBody(body)
	defer p.close()
	err = eachPart(boundary, &limitedBody{body, most}, defaultMaxFiles, p.add, p.field)
	if err == errStopped {
		err = nil // p.failed is set
	}
	if err == nil && !p.failed {
		err = p.judge()
	}
	if err == nil {
		err = p.holdAnswer()
	}
	if err == nil && !p.failed {
		p.commit()
	}
	return err
}

// holdAnswer takes the memory of the answer, before anything is stored.
func (p *posted) holdAnswer() error {
	var n int64
	for _, f := range p.files {
		n += answerBytes(f.filename)
	}
	return p.x.hold(n)
}

// appliesToForm reports whether a form may have these preconditions. They apply to its
// directory, which has no version, but their sender wants to overwrite nothing. A form has
// fields for that; to ignore a precondition could overwrite something.
func appliesToForm(c vfs.Cond) bool {
	c.IfNoneMatch.Any = false
	return c.IsZero()
}

// field takes a field of the form, which may follow the files.
func (p *posted) field(name, value string) (err error) {
	switch name {
	case "replace":
		p.replace, err = isSet(value)
	case "etag":
		p.etag = value
	default:
		return nil
	}
	// Readers disagree about which one of two counts.
	if p.set[name] {
		return errReplace
	}
	p.set[name] = true
	return err
}

// add judges a file by its name, and receives it. If a file is refused, it goes on only to say
// which others are.
func (p *posted) add(filename string, content io.Reader) error {
	f := &postedFile{filename: echoed(filename)}
	p.files = append(p.files, f)
	if f.err = p.admit(f, filename); f.err == nil && !p.failed {
		p.judgeEarly(f)
	}
	if f.err == nil && !p.failed {
		f.body = p.h.intake.checked(p.x.ctx, content, Upload{Name: f.name, Filename: f.name.Base(), Type: mediatype.ByName(f.name.Base())[0]})
		f.err = f.body.receive(p.x.client())
	}
	p.failed = p.failed || f.err != nil
	if !p.failed {
		return nil
	}
	n, err := io.Copy(io.Discard, io.LimitReader(content, lingerBytes-p.skipped+1))
	if p.skipped += n; err == nil && p.skipped > lingerBytes {
		return errStopped
	}
	// If it was the body that failed, so does the rest of it.
	return err
}

// admit sets the name of a file, and returns an error if it may not be stored under that. A
// name is one element: some clients send a path, and taking its last element would change the
// name silently.
func (p *posted) admit(f *postedFile, filename string) error {
	n, err := p.dir.Child(filename)
	if err != nil {
		return &httpError{status: errUncreated.status, text: errUncreated.text, verdict: audit.Refused, reason: vfs.ReasonOf(err)}
	}
	f.name = n
	if err := refusedBy(p.h.jail.Explain(p.x.ctx, vfs.OpWrite, n)); err != nil {
		return err
	}
	switch {
	case p.names[n]:
		return errTwice
	case !p.h.intake.Types.set.HasName(n.Base()):
		return errType
	}
	p.names[n] = true
	return nil
}

func (p *posted) close() {
	for _, f := range p.files {
		if f.body != nil {
			f.body.close()
			f.body = nil // with it, a buffer of the form
		}
	}
}

// answer says what has become of the files.
func (p *posted) answer() {
	x := p.x
	rep := &report{status: http.StatusOK}
	var first error
	for _, f := range p.files {
		switch {
		case f.err != nil:
			if first == nil {
				first = f.err
			}
			line, href := x.refusedFile(f)
			// A PUT tells of one name that the caller may not read whether it exists; a form
			// tells no more, of however many names.
			if len(p.files) == 1 || !f.byStore || x.mayRead(f.name) {
				rep.add(line, href)
			}
		case f.stored:
			if !f.written.Replaced {
				rep.status = http.StatusCreated
			}
			rep.add(storedFile(f))
		}
	}
	if len(rep.Files) > 0 {
		x.report = rep
	}
	if first != nil {
		x.fail(first, nil)
		return
	}
	if len(p.files) == 1 {
		x.attempt.Rule = p.files[0].written.Info.Rule
		x.Header()["Location"] = []string{"./" + escapedBase(p.files[0].name)}
	}
	x.sendReport(rep.status)
}
