package server

import (
	"bufio"
	"io"
	"mime"
	"net/http"
	"strings"
)

// eachFile calls store for every file in the body of r, which comes through body:
// with what the user called it, and its content. It ends with the first error of
// store's.
func (h *uploads) eachFile(r *http.Request, body io.Reader, store func(filename string, content io.Reader) error) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "multipart/form-data":
		return h.eachPart(params["boundary"], body, store)
	case strings.HasPrefix(media, "multipart/"):
		return denyNoFile
	}
	lines := r.Header["Content-Disposition"]
	if len(lines) != 1 {
		return denyNoFile
	}
	o := parseOriginal(lines[0])
	if o.kind != "attachment" {
		return denyNoFile
	}
	return store(o.filename, body)
}

func (h *uploads) eachPart(boundary string, body io.Reader, store func(filename string, content io.Reader) error) error {
	form, err := newFormReader(body, boundary)
	if err != nil {
		return err
	}
	files, fields := 0, 0
	for {
		part, err := form.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		o := parseOriginal(part.disposition)
		if !o.isFile {
			fields++
			if err := passField(form, fields); err != nil {
				return err
			}
			continue
		}
		if part.isCoded() {
			return denyEncoding
		}
		content := bufio.NewReader(form)
		// A form whose user chose no file sends one without a name, and empty.
		if _, err := content.Peek(1); o.filename == "" && err == io.EOF {
			continue
		}
		if files++; files > h.cfg.MaxFiles {
			return denyTooMany
		}
		if err := store(o.filename, content); err != nil {
			return err
		}
	}
	if files == 0 {
		return denyNoFile
	}
	return nil
}

// passField passes over a part that is no file, the how manieth of its kind.
func passField(content io.Reader, n int) error {
	if n > maxFields {
		return denyTooMany
	}
	size, err := io.Copy(io.Discard, io.LimitReader(content, maxFieldBytes+1))
	if err == nil && size > maxFieldBytes {
		err = denyPart
	}
	return err
}
