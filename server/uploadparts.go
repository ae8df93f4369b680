package server

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
)

// Bounds of what stands in a multipart body besides its files. A form has a few
// dozen fields; what is beyond these was made to cost the server something.
const (
	maxPartHeaderBytes = 16 << 10
	maxFieldBytes      = 64 << 10
	maxFields          = 1000

	// readBytes is how much of a body is read at once.
	readBytes = 64 << 10
)

// eachFile calls store for every file in the body of r, which comes through body:
// with what the user called it, and its content, which store reads to its end. It
// ends with the first error of store's.
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
	if boundary == "" {
		return denyBody
	}
	meter := &meter{r: bufio.NewReaderSize(body, readBytes)}
	parts := multipart.NewReader(meter, boundary)
	files, fields := 0, 0
	for {
		// What multipart reads until it has the next part's header it keeps in
		// memory, up to 10 MiB. (CVE-2022-41725, CVE-2023-24536)
		meter.bound(maxPartHeaderBytes)
		// NextPart would decode quoted-printable, and take the header for it away.
		part, err := parts.NextRawPart()
		if err == io.EOF { // itself, not wrapped: the last boundary was there
			break
		}
		if err != nil {
			return badPart(err)
		}
		meter.unbound()
		o := parseOriginal(part.Header.Get("Content-Disposition"))
		switch {
		case o.isFile && isCoded(part.Header):
			return denyEncoding
		case o.isFile:
			content := bufio.NewReader(partReader{part})
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
		default:
			if fields++; fields > maxFields {
				return denyTooMany
			}
			n, err := io.Copy(io.Discard, io.LimitReader(partReader{part}, maxFieldBytes+1))
			switch {
			case err != nil:
				return err
			case n > maxFieldBytes:
				return denyPart
			}
		}
	}
	if files == 0 {
		return denyNoFile
	}
	return nil
}

// isCoded reports whether a part is not sent as it is. RFC 7578 section 4.7 has
// ended that.
func isCoded(h textproto.MIMEHeader) bool {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	for _, coding := range h["Content-Transfer-Encoding"] {
		switch strings.ToLower(coding) {
		case "", "7bit", "8bit", "binary":
		default:
			return true
		}
	}
	return false
}

// A partReader yields a part's content. Its errors are those of a transfer.
type partReader struct{ part *multipart.Part }

func (p partReader) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if err != nil && err != io.EOF {
		err = badPart(err)
	}
	return n, err
}

// badPart makes of what multipart says of a body what is to be answered.
func badPart(err error) error {
	var d *denial
	if errors.As(err, &d) || errors.Is(err, errGone) {
		return err
	}
	return denyBody
}

// A meter bounds how much is read at times.
type meter struct {
	r     io.Reader
	on    bool
	bytes int // left
}

func (m *meter) bound(bytes int) { m.on, m.bytes = true, bytes }
func (m *meter) unbound()        { m.on = false }

func (m *meter) Read(p []byte) (int, error) {
	if !m.on {
		return m.r.Read(p)
	}
	if m.bytes <= 0 {
		return 0, denyPart
	}
	n, err := m.r.Read(p[:min(len(p), m.bytes)])
	m.bytes -= n
	return n, err
}
