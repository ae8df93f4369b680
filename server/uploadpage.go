package server

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
)

// prefersHTML reports whether an Accept names HTML and prefers it to JSON. Wildcards count
// for JSON, so programs that accept everything still get JSON.
func prefersHTML(accept []string) bool {
	var htmlQ, jsonQ httpheader.Quality
	specific := -1
	for name, q := range httpheader.AcceptItems(accept) {
		if strings.EqualFold(name, "text/html") {
			htmlQ = q
			continue
		}
		// The most specific item counts, whatever its weight.
		for i, pattern := range [...]string{"*/*", "application/*", "application/json"} {
			if strings.EqualFold(name, pattern) && i >= specific {
				jsonQ, specific = q, i
			}
		}
	}
	return htmlQ > jsonQ
}

// createdPage answers a form whose files were stored. It reports false if there is no page.
func (x *exchange) createdPage(files []createdJSON) bool {
	p := listing.Answer{Title: stored(len(files))}
	for _, f := range files {
		p.Files = append(p.Files, listing.File{Name: f.Name, Href: "./" + f.ID, Size: f.Size})
	}
	return x.sendPage(http.StatusCreated, &p)
}

func stored(files int) string {
	if files == 1 {
		return "1 file stored"
	}
	return strconv.Itoa(files) + " files stored"
}

// failurePage answers a form with a fixed text, on a page. It reports false if there is no
// page, and for 404: that response must be the same for everyone.
func (x *exchange) failurePage(status int, text string) bool {
	if status == http.StatusNotFound {
		return false
	}
	return x.sendPage(status, &listing.Answer{
		Title: strconv.Itoa(status) + " " + http.StatusText(status),
		Text:  strings.TrimSpace(text),
	})
}

func (x *exchange) sendPage(status int, p *listing.Answer) bool {
	render, setHeaders := x.answerRenderer(status, p)
	var body bytes.Buffer
	if err := render(&body); err != nil {
		x.log("rendering a page failed", err)
		return false
	}
	h := x.Header()
	setHeaders(h)
	x.hideReferrer()
	h["Content-Length"] = []string{strconv.Itoa(body.Len())}
	h["Cache-Control"] = noStore
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["X-Content-Type-Options"] = noSniff
	x.WriteHeader(status)
	if status == http.StatusCreated {
		x.writeAll(body.Bytes())
	} else {
		x.Write(body.Bytes()) // if the client is gone, nobody is left to tell
	}
	return true
}

// answerRenderer returns what writes the page that answers a form, and what sets its headers.
func (x *exchange) answerRenderer(status int, p *listing.Answer) (render func(io.Writer) error, setHeaders func(http.Header)) {
	if x.site == nil {
		return p.WriteHTML, setTypeAndCSP(htmlType, listingCSP)
	}
	frame := page.Frame{}
	if x.share != nil && x.share.upload {
		frame = guestFrame
	} else if path, ok := strings.CutPrefix(x.r.URL.Path, "/"); ok {
		frame.Base = page.BaseOf(path)
	}
	d := x.site.Answer(frame, status, p)
	return d.Render, d.SetHeaders
}
