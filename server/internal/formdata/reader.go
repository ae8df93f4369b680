// Package formdata reads multipart/form-data bodies (RFC 7578).
//
// mime/multipart does not fit here: it holds headers of up to 10 MiB, yields at most 4 KiB
// at a time, and refuses bodies with control characters in a filename, which browsers send
// unchanged.
package formdata

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
)

// Limits of the parts of a body that are not content (CVE-2022-41725, CVE-2023-24536).
const (
	maxHeaderBytes   = 16 << 10 // of a part; also of what precedes the first part and follows the last one
	maxBoundaryBytes = 70       // RFC 2046 section 5.1.1
	bufferBytes      = 64 << 10 // of the body that are held at a time; a part's header has to fit
)

var (
	// ErrMalformed means that the body is malformed or ends too early.
	ErrMalformed = errors.New("formdata: malformed body")
	// ErrTooLarge means that a part's header, or the text between two parts, is too large.
	ErrTooLarge = errors.New("formdata: part too large")
)

// A Reader reads a body part by part: Next, then Read to the end of the part. It holds
// nothing but its buffer.
//
// Lines end in CRLF. A boundary followed by white space is refused, since some parsers
// treat it as content and some do not.
//
// The errors of a Reader are ErrMalformed, ErrTooLarge and those of the body.
//
// The state of a Reader describes what comes next in r:
//
//	content > 0           that many bytes of the current part; after them, a delimiter if
//	                      atDelimiter is set, else bytes not examined yet
//	content = 0           bytes not examined yet; examine decides
//	content = 0 and       a delimiter of delimiterBytes: Read returns io.EOF, and Next
//	atDelimiter           continues after it
//
// begin sets the state after a header, examine after that, and Read counts content down.
type Reader struct {
	r         *bufio.Reader
	delimiter []byte // CRLF, "--" and the boundary

	content        int
	atDelimiter    bool
	delimiterBytes int // without the CRLF if the delimiter directly follows a header
}

// A Part is the part of a header that matters.
type Part struct {
	Disposition string   // Content-Disposition
	codings     []string // of Content-Encoding and Content-Transfer-Encoding
}

// IsCoded reports whether the content of a part is encoded. RFC 7578 section 4.7 deprecates
// that, and this package never decodes.
func (p *Part) IsCoded() bool {
	for _, coding := range p.codings {
		switch strings.ToLower(coding) {
		case "", "7bit", "8bit", "binary", "identity":
		default:
			return true
		}
	}
	return false
}

// NewReader returns a Reader of body. It reads the beginning of the body.
func NewReader(body io.Reader, boundary string) (*Reader, error) {
	if boundary == "" || len(boundary) > maxBoundaryBytes || strings.ContainsFunc(boundary, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, ErrMalformed
	}
	f := &Reader{r: bufio.NewReaderSize(body, bufferBytes), delimiter: []byte("\r\n--" + boundary)}
	return f, f.begin()
}

// begin starts the content of a part. A delimiter may follow at once, without its CRLF:
// that is the end of the header's last line, or of nothing at the start of the body.
func (f *Reader) begin() error {
	head, err := f.r.Peek(len(f.delimiter))
	if err != nil {
		return bodyError(err)
	}
	f.content, f.delimiterBytes = 0, len(f.delimiter)-2
	f.atDelimiter = bytes.HasPrefix(head, f.delimiter[2:]) && endsBoundary(head[f.delimiterBytes:])
	return nil
}

// endsBoundary reports whether a boundary followed by these bytes is complete.
func endsBoundary(b []byte) bool { return string(b[:2]) == "\r\n" || string(b[:2]) == "--" }

// Next skips the rest of the current part and reads the header of the next one. After the
// last part it reads the body to its end and returns io.EOF.
func (f *Reader) Next() (Part, error) {
	if err := f.skip(); err != nil {
		return Part{}, err
	}
	f.r.Discard(f.delimiterBytes) // these bytes are in the buffer
	end, err := f.r.Peek(2)
	if err != nil {
		return Part{}, bodyError(err)
	}
	if string(end) == "--" {
		return Part{}, f.finish()
	}
	f.r.Discard(2)
	p, err := f.header()
	if err == nil {
		err = f.begin()
	}
	return p, err
}

// skip skips the rest of a part, or what precedes the first part.
func (f *Reader) skip() error {
	n, err := io.Copy(io.Discard, io.LimitReader(f, maxHeaderBytes+1))
	if err == nil && n > maxHeaderBytes {
		err = ErrTooLarge
	}
	return err
}

// finish reads what follows the last part. Only then is the body known to be complete.
func (f *Reader) finish() error {
	n, err := io.Copy(io.Discard, io.LimitReader(f.r, maxHeaderBytes+1))
	switch {
	case err != nil:
		return bodyError(err)
	case n > maxHeaderBytes:
		return ErrTooLarge
	}
	return io.EOF
}

// header reads the header of a part.
func (f *Reader) header() (Part, error) {
	var (
		p     Part
		value *string // of the previous line
		left  = maxHeaderBytes
	)
	for {
		raw, err := f.r.ReadSlice('\n')
		if left -= len(raw); left < 0 || err == bufio.ErrBufferFull {
			return p, ErrTooLarge
		}
		if err != nil {
			return p, bodyError(err)
		}
		line, ok := strings.CutSuffix(string(raw), "\r\n")
		switch {
		case !ok:
			return p, ErrMalformed
		case line == "":
			return p, nil
		case line[0] == ' ' || line[0] == '\t': // continues the previous line
			if value == nil {
				return p, ErrMalformed
			}
			*value += " " + strings.TrimSpace(line)
			continue
		}
		key, rest, ok := strings.Cut(line, ":")
		if !ok || !httpheader.IsToken(key) {
			return p, ErrMalformed
		}
		value = new(string)
		switch strings.ToLower(key) {
		case "content-disposition":
			// Parsers disagree about which one of two counts.
			if p.Disposition != "" {
				return p, ErrMalformed
			}
			value = &p.Disposition
		case "content-encoding", "content-transfer-encoding":
			p.codings = append(p.codings, "")
			value = &p.codings[len(p.codings)-1]
		}
		*value = strings.TrimSpace(rest)
	}
}

// Read reads from the current part. It returns io.EOF at the end of the part.
func (f *Reader) Read(p []byte) (int, error) {
	if f.content == 0 && !f.atDelimiter {
		if err := f.examine(); err != nil {
			return 0, err
		}
	}
	if f.content == 0 {
		return 0, io.EOF
	}
	n, err := f.r.Read(p[:min(len(p), f.content)])
	f.content -= n
	return n, err
}

// examine finds out how many of the next bytes belong to the part.
func (f *Reader) examine() error {
	// The delimiter, and the two bytes that show whether it is complete.
	if _, err := f.r.Peek(len(f.delimiter) + 2); err != nil {
		return bodyError(err)
	}
	held, err := f.r.Peek(f.r.Buffered())
	if err != nil {
		return bodyError(err)
	}
	at := 0
	for {
		i := bytes.Index(held[at:], f.delimiter)
		if i < 0 {
			// The last bytes may be the beginning of a delimiter.
			f.content = max(at, len(held)-len(f.delimiter)+1)
			return nil
		}
		at += i
		after := held[at+len(f.delimiter):]
		switch {
		case len(after) < 2 && at > 0:
			f.content = at
			return nil
		case endsBoundary(after):
			f.content, f.atDelimiter, f.delimiterBytes = at, true, len(f.delimiter)
			return nil
		case after[0] == ' ' || after[0] == '\t':
			return ErrMalformed
		}
		at++ // a longer boundary than ours: content
	}
}

// bodyError returns the error for an error of the body: its end comes too early.
func bodyError(err error) error {
	if err == io.EOF {
		return ErrMalformed
	}
	return err
}
