package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A report answers a form with files: it has the files that are stored and, if the form failed,
// those that were refused. It reveals no more about a name than a PUT of it.
type report struct {
	status int            // if nothing failed
	Files  []reportedFile `json:"files"`
	hrefs  []string
}

type reportedFile struct {
	Name   string `json:"name"` // as echoed returns it
	Size   *int64 `json:"size,omitempty"`
	ETag   string `json:"etag,omitempty"`   // as in the header; of the existing version with a 412
	Status int    `json:"status,omitempty"` // of a refused file, as for a PUT of it
	Error  string `json:"error,omitempty"`
}

// echoed returns the client's name of a file as the answer to a form has it: as it was sent, but
// no longer than that of any object. The header of a part can have 16 KiB, and each "<" takes six
// bytes in JSON, so names alone would make an answer of megabytes, for each client that does not
// read it.
func echoed(filename string) string {
	if len(filename) <= vfs.MaxElementBytes {
		return filename
	}
	return strings.ToValidUTF8(filename[:vfs.MaxElementBytes], "") + "…"
}

func (r *report) add(f reportedFile, href string) {
	r.Files, r.hrefs = append(r.Files, f), append(r.hrefs, href)
}

func storedFile(f *postedFile) (reportedFile, string) {
	return reportedFile{
		Name: f.filename,
		Size: &f.written.Info.Size,
		ETag: string(httpheader.AppendETag(nil, &f.written.Info)),
	}, "./" + escapedBase(f.name)
}

// refusedFile reports a file that was refused, and records that.
func (x *exchange) refusedFile(f *postedFile) (reportedFile, string) {
	response := x.responseTo(f.err)
	out := reportedFile{Name: f.filename, Status: response.status, Error: strings.TrimSpace(response.text)}
	a := audit.Attempt{Method: http.MethodPut, Name: f.name, Verdict: response.verdict, Reason: response.reason, Status: response.status}
	if a.Reason == "" {
		a.Reason = reasonOf(response, f.err)
	}
	if e, ok := errors.AsType[*vfs.Error](f.err); ok && !isHTTPError(f.err) {
		a.Rule = e.Rule
		if response == errPrecondition && e.Info != nil && x.mayRead(f.name) {
			out.ETag = string(httpheader.AppendETag(nil, e.Info))
		}
	}
	x.recordPart(&a)
	return out, ""
}

// sendReport answers with the report. It reports false for a 401, which is the same whatever
// the names.
func (x *exchange) sendReport(status int) bool {
	if status == http.StatusUnauthorized {
		return false
	}
	rep := x.report
	if !x.form {
		x.sendJSON(status, noStore, rep)
		return true
	}
	p := listing.Answer{Title: stored(len(rep.Files))}
	if status >= http.StatusBadRequest {
		p.Title = strconv.Itoa(status) + " " + http.StatusText(status)
	}
	for i, f := range rep.Files {
		line := listing.File{Name: f.Name, Href: rep.hrefs[i], Error: f.Error, Status: f.Status}
		if f.Size != nil {
			line.Size = *f.Size
		}
		p.Files = append(p.Files, line)
	}
	return x.sendPage(status, &p)
}

// acted answers a form that asked for an action, by leading back to the page that it was on.
func (x *exchange) acted() { x.redirect(http.StatusSeeOther, "./", noStore) }
