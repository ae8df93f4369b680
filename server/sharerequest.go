package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A shareRequest is what a client asks of a new share.
type shareRequest struct {
	path     string    // without a slash at its end; "/" is the top
	dir      bool      // it was written with a slash at its end
	created  time.Time // of the request, in whole microseconds
	expires  time.Time // after created
	password string    // "" for none
	uses     int64
	upload   bool
	maxBytes int64
	note     string
}

// maxShareBytes bounds the request.
const maxShareBytes = 16 << 10

// defaultFiles is how many files a file request takes if its issuer does not say: nobody means to
// have their disk filled by whoever finds the link.
const defaultFiles = 1000

// defaultShareTime is how long a share lives if its issuer does not say.
const defaultShareTime = 7 * 24 * time.Hour

// A shareForm has the fields of a request, as JSON or as a form.
type shareForm struct {
	Path     string
	Expires  string
	Password string
	Uses     int64
	Upload   bool
	MaxBytes int64
	Note     string
}

// readShareForm reads a request, as JSON or as a form.
func readShareForm(r *http.Request, body io.Reader) (f shareForm, err error) {
	if kind, _ := formOf(r); kind == formFields {
		fields, err := readFields(body, maxShareBytes)
		if err != nil {
			return f, err
		}
		return parseShareFields(fields)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return f, errShareBody
	}
	sent, err := io.ReadAll(&limitedBody{body, maxShareBytes})
	if err != nil {
		return f, err
	}
	return parseShareJSON(sent)
}

// parseShareJSON parses a JSON object with each field at most once, spelled exactly: of two,
// package json takes the last, in any case, and what is in front of this server perhaps the
// first. A misspelled limit must not make a share without one.
func parseShareJSON(sent []byte) (f shareForm, err error) {
	missing := map[string]any{
		"path": &f.Path, "expires": &f.Expires, "password": &f.Password, "uses": &f.Uses,
		"upload": &f.Upload, "max_bytes": &f.MaxBytes, "note": &f.Note,
	}
	d := json.NewDecoder(bytes.NewReader(sent))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return shareForm{}, errShareBody
	}
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		field, ok := missing[name]
		if err != nil || !ok || d.Decode(field) != nil {
			return shareForm{}, errShareBody
		}
		delete(missing, name)
	}
	if _, err := d.Token(); err != nil {
		return shareForm{}, errShareBody
	}
	if _, err := d.Token(); err != io.EOF {
		return shareForm{}, errShareBody
	}
	return f, nil
}

// parseShareFields parses a form. A field that is left empty is not given.
func parseShareFields(fields url.Values) (f shareForm, err error) {
	for key, values := range fields {
		if len(values) != 1 {
			return shareForm{}, errShareBody
		}
		value := values[0]
		switch {
		case !utf8.ValidString(value):
			return shareForm{}, errShareBody
		case value == "":
			continue
		}
		switch key {
		case "path":
			f.Path = value
		case "expires":
			f.Expires = value
		case "password":
			f.Password = value
		case "note":
			f.Note = value
		case "uses":
			f.Uses, err = strconv.ParseInt(value, 10, 64)
		case "max_bytes":
			f.MaxBytes, err = strconv.ParseInt(value, 10, 64)
		case "upload":
			f.Upload = value == "true" || value == "on" || value == "1"
			if !f.Upload && value != "false" {
				return shareForm{}, errShareBody
			}
		default:
			return shareForm{}, errShareBody
		}
		if err != nil {
			return shareForm{}, errShareNumber
		}
	}
	return f, nil
}

// parse checks a request, at the time now.
func (f *shareForm) parse(now time.Time, maxAge time.Duration) (q shareRequest, err error) {
	q = shareRequest{password: f.Password, uses: f.Uses, upload: f.Upload, maxBytes: f.MaxBytes, note: f.Note}
	switch {
	case f.Uses < 0 || f.MaxBytes < 0 || f.MaxBytes > 0 && !f.Upload:
		return q, errShareNumber
	case len(f.Note) > catalog.MaxShareNote || strings.ContainsRune(f.Note, 0):
		return q, errShareNote
	}
	if q.upload && q.uses == 0 {
		q.uses = defaultFiles
	}
	if q.path, q.dir, err = parseSharePath(f.Path); err != nil {
		return q, err
	}
	q.created = now.UTC().Truncate(time.Microsecond)
	q.expires, err = parseExpires(f.Expires, q.created, maxAge)
	return q, err
}

// parseSharePath parses a whole path, unescaped: a slash before a name, and perhaps one after
// it for a directory. The top is a directory.
func parseSharePath(s string) (path string, dir bool, err error) {
	rest, ok := strings.CutPrefix(s, "/")
	if !ok {
		return "", false, errSharePath
	}
	if rest == "" {
		return "/", true, nil
	}
	rest, dir = strings.CutSuffix(rest, "/")
	n, err := vfs.ParseName(rest)
	if err != nil || len(s) > catalog.MaxSharePath {
		return "", false, errSharePath
	}
	return "/" + n.String(), dir, nil
}

// parseExpires returns when a share expires: after a length of time such as 24h or 7d, or at a
// time of RFC 3339. It is after now, which has whole microseconds, and not later than maxAge.
func parseExpires(s string, now time.Time, maxAge time.Duration) (time.Time, error) {
	if s == "" {
		return now.Add(min(defaultShareTime, maxAge)), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		age, err := parseDays(s)
		if err != nil || age > maxAge {
			return time.Time{}, errShareExpires
		}
		at = now.Add(age)
	}
	at = at.UTC().Truncate(time.Microsecond)
	if !at.After(now) || at.After(now.Add(maxAge)) {
		return time.Time{}, errShareExpires
	}
	return at, nil
}

// parseDays parses a length of time: whole days such as 7d, or as time.ParseDuration.
func parseDays(s string) (time.Duration, error) {
	count, ok := strings.CutSuffix(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	const most = 100_000 // 273 years
	days, err := strconv.ParseUint(count, 10, 32)
	if err != nil || days > most {
		return 0, errors.New("not a number of days")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}
