package server

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A fileJSON is the record of an object as clients see it.
type fileJSON struct {
	ownFileJSON
	Owner string `json:"owner"` // "" for none
}

// An ownFileJSON is a fileJSON for the owner.
type ownFileJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"` // the user's filename
	Type    string `json:"type"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"` // lower-case hexadecimal
	Created string `json:"created"`
}

func newFileJSON(rec catalog.Record) fileJSON { return fileJSON{newOwnFileJSON(rec), rec.Owner} }

func newOwnFileJSON(rec catalog.Record) ownFileJSON {
	return ownFileJSON{
		ID:      rec.ID.String(),
		Name:    rec.Name,
		Type:    rec.Type,
		Size:    rec.Size,
		SHA256:  hex.EncodeToString(rec.SHA256[:]),
		Created: rec.Created.UTC().Format(time.RFC3339Nano),
	}
}

var jsonType = []string{"application/json"}

// sendJSON answers with v.
func (x *exchange) sendJSON(status int, cacheControl []string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.sendEncoded(status, cacheControl, body)
}

// sendPageJSON answers with v, a page of something, whose memory counts. next is the query of
// the next one, nil if there is none.
func (x *exchange) sendPageJSON(v any, next url.Values) {
	body, err := json.Marshal(v)
	if err == nil {
		err = x.hold(int64(cap(body)))
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	if next != nil {
		x.Header()["Link"] = []string{"<?" + next.Encode() + `>; rel="next"`}
	}
	x.sendEncoded(http.StatusOK, privateNoStore, body)
}

func (x *exchange) sendEncoded(status int, cacheControl []string, body []byte) {
	body = append(body, '\n')
	h := x.Header()
	h["Content-Type"] = jsonType
	h["X-Content-Type-Options"] = noSniff
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Cache-Control"] = cacheControl
	x.sendAll(status, body)
}

// A createdJSON is a fileJSON for the caller who has uploaded the file.
type createdJSON struct {
	fileJSON
	Can []string `json:"can"`
}

// created answers a POST whose files were stored.
func (h *uploads) created(x *exchange, files []catalog.Record) {
	answer := struct {
		Files []createdJSON `json:"files"`
	}{make([]createdJSON, len(files))}
	for i, rec := range files {
		answer.Files[i] = createdJSON{newFileJSON(rec), h.can(x, rec)}
	}
	if len(files) == 1 {
		x.attempt.Name = catalog.ObjectName(files[0].ID)
		x.Header()["Location"] = []string{postedTo(x.r) + answer.Files[0].ID}
	}
	if x.form && x.createdPage(answer.Files) {
		return
	}
	x.sendJSON(http.StatusCreated, noStore, answer)
}

// postedTo returns the path of a request to "/" as the client sent it, with the prefix of this
// handler: what strips prefixes leaves the request target as it was.
func postedTo(r *http.Request) string {
	path := sentPath(r)
	// After two slashes, what follows would be a host.
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || !strings.HasSuffix(path, "/") {
		return "/"
	}
	return path
}
