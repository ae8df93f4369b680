package server

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Bounds of what stands in a form besides its files. A form that people fill in
// has a few dozen fields; what is beyond these was made to cost the server
// something (CVE-2022-41725, CVE-2023-24536).
const (
	maxPartHeaderBytes = 16 << 10 // also of what stands before and behind all parts
	maxFieldBytes      = 64 << 10
	maxFields          = 1000
	maxBoundaryBytes   = 70 // RFC 2046 section 5.1.1
)

// formBufferBytes is how much of a form is held at a time. A part's header has to
// fit in.
const formBufferBytes = 64 << 10

// A formReader reads a multipart/form-data body (RFC 7578), part by part, and keeps
// nothing of it. mime/multipart does not do here: it holds headers of up to 10 MiB,
// yields 4 KiB at most at a time, and refuses a body with a control character in a
// filename, which browsers send as it is.
//
// Lines end in CRLF. A boundary with white space behind it is refused, since some
// readers take it for content and some do not.
// Its errors are denyBody for a body that is malformed or ends too early, denyPart,
// and those of reading.
type formReader struct {
	r         *bufio.Reader
	delimiter []byte // CRLF, "--" and the boundary
	known     int    // bytes at the front of r that belong to the current part
	ended     bool   // the delimiter comes behind these
	pending   int    // bytes of that delimiter
}

// A partHeader is what counts of a part's header.
type partHeader struct {
	disposition string
	codings     []string // of Content-Encoding and Content-Transfer-Encoding
}

func newFormReader(body io.Reader, boundary string) (*formReader, error) {
	if boundary == "" || len(boundary) > maxBoundaryBytes || strings.ContainsFunc(boundary, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, denyBody
	}
	f := &formReader{r: bufio.NewReaderSize(body, formBufferBytes), delimiter: []byte("\r\n--" + boundary)}
	return f, f.begin()
}

// begin looks whether a delimiter follows at once. It needs no line end of its own
// then: the one before is that of the last line of a header, or of nothing.
func (f *formReader) begin() error {
	head, err := f.r.Peek(len(f.delimiter))
	if err != nil {
		return formError(err)
	}
	f.known, f.pending = 0, len(f.delimiter)-2
	f.ended = bytes.HasPrefix(head, f.delimiter[2:]) && isLineEnd(head[f.pending:])
	return nil
}

// isLineEnd reports whether a boundary that is followed by these bytes is one.
func isLineEnd(b []byte) bool { return string(b[:2]) == "\r\n" || string(b[:2]) == "--" }

// next goes to the next part, over what is left of the current one, and reads its
// header. Behind the last one it reads the body to its end and returns io.EOF.
func (f *formReader) next() (partHeader, error) {
	if err := f.skip(); err != nil {
		return partHeader{}, err
	}
	f.r.Discard(f.pending) // these bytes were seen
	end, err := f.r.Peek(2)
	if err != nil {
		return partHeader{}, formError(err)
	}
	if string(end) == "--" {
		return partHeader{}, f.finish()
	}
	f.r.Discard(2)
	h, err := f.header()
	if err == nil {
		err = f.begin()
	}
	return h, err
}

// skip passes over the rest of a part, or a preamble.
func (f *formReader) skip() error {
	n, err := io.Copy(io.Discard, io.LimitReader(f, maxPartHeaderBytes+1))
	if err == nil && n > maxPartHeaderBytes {
		err = denyPart
	}
	return err
}

// finish reads what stands behind the last part. Only then is the body known to
// have come whole.
func (f *formReader) finish() error {
	n, err := io.Copy(io.Discard, io.LimitReader(f.r, maxPartHeaderBytes+1))
	switch {
	case err != nil:
		return formError(err)
	case n > maxPartHeaderBytes:
		return denyPart
	}
	return io.EOF
}

// header reads a part's header.
func (f *formReader) header() (partHeader, error) {
	var (
		h     partHeader
		value *string // of the line before
		left  = maxPartHeaderBytes
	)
	for {
		raw, err := f.r.ReadSlice('\n')
		if left -= len(raw); left < 0 || err == bufio.ErrBufferFull {
			return h, denyPart
		}
		if err != nil {
			return h, formError(err)
		}
		line, ok := strings.CutSuffix(string(raw), "\r\n")
		switch {
		case !ok:
			return h, denyBody
		case line == "":
			return h, nil
		case line[0] == ' ' || line[0] == '\t': // goes on from the line before
			if value == nil {
				return h, denyBody
			}
			*value += " " + strings.TrimSpace(line)
			continue
		}
		key, rest, ok := strings.Cut(line, ":")
		if !ok || !isToken(key) {
			return h, denyBody
		}
		value = new(string)
		switch strings.ToLower(key) {
		case "content-disposition":
			// Of two it would be for chance to say which one counts.
			if h.disposition != "" {
				return h, denyBody
			}
			value = &h.disposition
		case "content-encoding", "content-transfer-encoding":
			h.codings = append(h.codings, "")
			value = &h.codings[len(h.codings)-1]
		}
		*value = strings.TrimSpace(rest)
	}
}

// Read reads on in the current part.
func (f *formReader) Read(p []byte) (int, error) {
	if f.known == 0 && !f.ended {
		if err := f.look(); err != nil {
			return 0, err
		}
	}
	if f.known == 0 {
		return 0, io.EOF
	}
	n, err := f.r.Read(p[:min(len(p), f.known)])
	f.known -= n
	return n, err
}

// look finds out how many of the next bytes belong to the part.
func (f *formReader) look() error {
	// The delimiter, and how its line goes on.
	whole := len(f.delimiter) + 2
	if _, err := f.r.Peek(whole); err != nil {
		return formError(err)
	}
	held, err := f.r.Peek(f.r.Buffered())
	if err != nil {
		return formError(err)
	}
	at := 0
	for {
		i := bytes.Index(held[at:], f.delimiter)
		if i < 0 {
			// What could be the beginning of one stays.
			f.known = max(at, len(held)-len(f.delimiter)+1)
			return nil
		}
		at += i
		behind := held[at+len(f.delimiter):]
		switch {
		case len(behind) < 2 && at > 0:
			f.known = at
			return nil
		case isLineEnd(behind):
			f.known, f.ended, f.pending = at, true, len(f.delimiter)
			return nil
		case behind[0] == ' ' || behind[0] == '\t':
			return denyBody
		}
		at++ // a longer boundary than ours: content
	}
}

// isCoded reports whether a part is not sent as it is. RFC 7578 section 4.7 has
// ended that, and nothing is ever decoded here.
func (h *partHeader) isCoded() bool {
	for _, coding := range h.codings {
		switch strings.ToLower(coding) {
		case "", "7bit", "8bit", "binary", "identity":
		default:
			return true
		}
	}
	return false
}

// formError makes of an error what is to be answered.
func formError(err error) error {
	if err == io.EOF {
		return denyBody
	}
	return err
}
