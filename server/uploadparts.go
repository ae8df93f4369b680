package server

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/formdata"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
)

// Bounds of the fields of a form. One that people fill in has a few dozen of them.
const (
	maxFieldBytes = 64 << 10
	maxFields     = 1000
)

// A storeFunc stores a file with the given name and content.
type storeFunc func(filename string, content io.Reader) error

// eachFile calls store for every file in the request r, whose body is read through body. It
// stops at the first error of store.
func (h *uploads) eachFile(r *http.Request, body io.Reader, store storeFunc) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "multipart/form-data":
		return h.eachPart(params["boundary"], body, store)
	case strings.HasPrefix(media, "multipart/"):
		return errNoFile
	}
	lines := r.Header["Content-Disposition"]
	if len(lines) != 1 {
		return errNoFile
	}
	d := httpheader.ParseDisposition(lines[0])
	if d.Kind != "attachment" {
		return errNoFile
	}
	return store(d.Filename, body)
}

// eachPart calls store for every file of a form.
func (h *uploads) eachPart(boundary string, body io.Reader, store storeFunc) error {
	form, err := formdata.NewReader(body, boundary)
	if err != nil {
		return formError(err)
	}
	files, fields := 0, 0
	for {
		part, err := form.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return formError(err)
		}
		d := httpheader.ParseDisposition(part.Disposition)
		if !d.IsFile {
			fields++
			if err := skipField(form, fields); err != nil {
				return err
			}
			continue
		}
		if part.IsCoded() {
			return errCoded
		}
		content := bufio.NewReader(contentReader{form})
		// A file field without a chosen file is sent with an empty name and no content.
		if _, err := content.Peek(1); d.Filename == "" && err == io.EOF {
			continue
		}
		if files++; files > h.cfg.MaxFiles {
			return errTooManyParts
		}
		if err := store(d.Filename, content); err != nil {
			return err
		}
	}
	if files == 0 {
		return errNoFile
	}
	return nil
}

// skipField skips the nth part that is not a file.
func skipField(form *formdata.Reader, n int) error {
	if n > maxFields {
		return errTooManyParts
	}
	size, err := io.Copy(io.Discard, io.LimitReader(form, maxFieldBytes+1))
	if err != nil {
		return formError(err)
	}
	if size > maxFieldBytes {
		return errPart
	}
	return nil
}

// A contentReader reads the current part of a form.
type contentReader struct{ form *formdata.Reader }

func (c contentReader) Read(p []byte) (int, error) {
	n, err := c.form.Read(p)
	return n, formError(err)
}

// formError returns the response error for an error of a form.
func formError(err error) error {
	switch {
	case errors.Is(err, formdata.ErrMalformed):
		return errMalformed
	case errors.Is(err, formdata.ErrTooLarge):
		return errPart
	}
	return err
}
