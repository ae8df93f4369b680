package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
)

// isBrowserForm reports whether a request is a form whose sender prefers an HTML page to
// JSON.
func isBrowserForm(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == "multipart/form-data" || media == "application/x-www-form-urlencoded") && prefersHTML(r.Header["Accept"])
}

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
func (x *exchange) createdPage(files []fileJSON) bool {
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
	body, err := p.HTML()
	if err != nil {
		x.log("rendering a page failed", err)
		return false
	}
	h := x.Header()
	h["Content-Type"] = htmlType
	h["Content-Security-Policy"] = listingCSP
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Cache-Control"] = noStore
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["X-Content-Type-Options"] = noSniff
	x.WriteHeader(status)
	if status == http.StatusCreated {
		x.writeAll(body)
	} else {
		x.Write(body) // if the client is gone, nobody is left to tell
	}
	return true
}
