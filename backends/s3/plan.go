package s3

import (
	"strconv"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A plan is what a GetObject is asked besides the key. All of it only saves
// bytes: the answer is judged as if nothing had been asked. The zero plan asks
// for all of the object.
type plan struct {
	byteRange       string
	ifMatch         string // with its quotes
	ifNoneMatch     string // with its quotes
	modifiedSince   time.Time
	unmodifiedSince time.Time
	ifRange         bool // ifMatch or unmodifiedSince stands for If-Range
}

// newPlan takes from req what S3 can be trusted to know. If-Range itself is
// never sent: servers ignore it and send the part of another version. A list of
// tags, "*" and a weak tag's W/ are not sent either, since servers take them to
// mean other things.
func newPlan(req vfs.Request) plan {
	var p plan
	c := &req.Cond
	if mayHold(req) {
		p.byteRange = rangeHeader(req.Range)
	}
	if !c.IfMatch.IsZero() {
		// With it goes nothing else, so that a 412 has one meaning.
		if tag, ok := oneTag(c.IfMatch); ok && !tag.Weak {
			p.ifMatch = quote(tag)
			return p
		}
	}
	if p.byteRange != "" && !c.IfRangeTag.IsZero() && sendable(c.IfRangeTag.Value) {
		p.ifMatch, p.ifRange = quote(c.IfRangeTag), true
		return p
	}
	if p.byteRange != "" && !c.IfRangeDate.IsZero() {
		// versitygw calls an object modified that is as old as the date. A
		// second more lets through what Resolve then finds to be another date.
		p.unmodifiedSince, p.ifRange = c.IfRangeDate.Add(time.Second), true
		return p
	}
	switch {
	case c.Unsafe:
	case !c.IfMatch.IsZero(), !c.IfUnmodifiedSince.IsZero():
		// They come first, and a 304 need not have the tag and the date to judge
		// them by.
	case !c.IfNoneMatch.IsZero():
		if tag, ok := oneTag(c.IfNoneMatch); ok {
			p.ifNoneMatch = quote(tag)
		}
	case !c.IfModifiedSince.IsZero():
		p.modifiedSince = c.IfModifiedSince
	}
	return p
}

func (p *plan) apply(in *awss3.GetObjectInput) {
	set := func(to **string, s string) {
		if s != "" {
			*to = &s
		}
	}
	set(&in.Range, p.byteRange)
	set(&in.IfMatch, p.ifMatch)
	set(&in.IfNoneMatch, p.ifNoneMatch)
	if !p.modifiedSince.IsZero() {
		in.IfModifiedSince = &p.modifiedSince
	}
	if !p.unmodifiedSince.IsZero() {
		in.IfUnmodifiedSince = &p.unmodifiedSince
	}
}

// mayHold reports whether there is a version for which req is a part: a weak
// If-Range, or a date within its second, never holds. It asks Resolve about the
// version that the client has.
func mayHold(req vfs.Request) bool {
	if req.Range.IsZero() {
		return false
	}
	c := &req.Cond
	asked := vfs.Request{
		Range: vfs.RangeFrom(0),
		Cond:  vfs.Cond{IfRangeTag: c.IfRangeTag, IfRangeDate: c.IfRangeDate, Now: c.Now},
	}
	span, err := asked.Resolve("open", vfs.Info{Size: 1, ETag: c.IfRangeTag.Value, ModTime: c.IfRangeDate})
	return err == nil && span.Partial
}

// beyond is more than any object has. Numbers above it make some servers'
// arithmetic wrap around.
const beyond = 1 << 50

// rangeHeader spells r, which is not the whole object.
func rangeHeader(r vfs.Range) string {
	first, last := r.Bounds()
	switch {
	case first < 0 && last >= beyond:
		return "bytes=0-"
	case first < 0:
		return "bytes=-" + strconv.FormatInt(last, 10)
	case last < 0, last >= beyond:
		return "bytes=" + strconv.FormatInt(min(first, beyond), 10) + "-"
	}
	return between(first, last)
}

func between(first, last int64) string {
	return "bytes=" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(last, 10)
}

// oneTag returns the only tag of t, if it can be sent.
func oneTag(t vfs.Tags) (vfs.Tag, bool) {
	if t.Any || len(t.List) != 1 || !sendable(t.List[0].Value) {
		return vfs.Tag{}, false
	}
	return t.List[0], true
}

func quote(t vfs.Tag) string { return `"` + t.Value + `"` }

// sendable reports whether every server reads the tag as we do: some split at
// commas within quotes, or take a quoted asterisk for a bare one. What S3 itself
// hands out is hexadecimal with a hyphen.
func sendable(value string) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == '+', c == '/', c == '=', c == ':':
		default:
			return false
		}
	}
	return value != ""
}
