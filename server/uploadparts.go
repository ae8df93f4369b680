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
	if kind, boundary := formOf(r); kind == formFiles {
		return eachPart(boundary, body, h.cfg.MaxFiles, store, nil)
	}
	// Also if its parameters are malformed: a form is not the content of a file.
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); strings.HasPrefix(media, "multipart/") {
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

// eachPart calls store for every file of a form, which may have maxFiles of them, and set,
// unless it is nil, for every other field. A form without files is refused.
func eachPart(boundary string, body io.Reader, maxFiles int, store storeFunc, set func(field, value string) error) error {
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
			value, err := readField(form, fields)
			if err == nil && set != nil {
				err = set(d.Field, value)
			}
			if err != nil {
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
			if fields++; fields > maxFields {
				return errTooManyParts
			}
			continue
		}
		if files++; files > maxFiles {
			return errTooManyParts
		}
		// Cloned, since a name outlives the body, and would keep all of its part's header.
		if err := store(strings.Clone(d.Filename), content); err != nil {
			return err
		}
	}
	if files == 0 {
		return errNoFile
	}
	return nil
}

// readField reads the nth part that is not a file.
func readField(form *formdata.Reader, n int) (string, error) {
	if n > maxFields {
		return "", errTooManyParts
	}
	value, err := io.ReadAll(io.LimitReader(form, maxFieldBytes+1))
	if err != nil {
		return "", formError(err)
	}
	if len(value) > maxFieldBytes {
		return "", errPart
	}
	return string(value), nil
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
