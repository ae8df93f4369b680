package s3

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A plan holds the optional parameters of a GetObject. They only save bytes: the answer
// is evaluated as if they had not been sent. The zero plan requests the whole object.
type plan struct {
	byteRange       string
	ifMatch         string // with its quotes
	ifNoneMatch     string // with its quotes
	modifiedSince   time.Time
	unmodifiedSince time.Time
	ifRange         bool // ifMatch or unmodifiedSince implements If-Range
}

// newPlan selects the parts of req that S3 can be trusted with. It never sends
// If-Range: servers ignore it and send the part of another version. Nor does it send a
// list of tags, "*" or a weak tag's W/, since servers interpret them differently.
func newPlan(req vfs.Request) plan {
	var p plan
	c := &req.Cond
	if mayHold(req) {
		p.byteRange = rangeHeader(req.Range)
	}
	if !c.IfMatch.IsZero() {
		// Nothing else is sent with it, so that a 412 has only one meaning.
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
		// versitygw treats an object with exactly this date as modified. Allow one more
		// second; Resolve then detects another date.
		p.unmodifiedSince, p.ifRange = c.IfRangeDate.Add(time.Second), true
		return p
	}
	switch {
	case c.Unsafe:
	case !c.IfMatch.IsZero(), !c.IfUnmodifiedSince.IsZero():
		// These take precedence, and a 304 need not contain the tag and the date needed
		// to evaluate them.
	case !c.IfNoneMatch.IsZero():
		if tag, ok := oneTag(c.IfNoneMatch); ok {
			p.ifNoneMatch = quote(tag)
		}
	case !c.IfModifiedSince.IsZero():
		p.modifiedSince = c.IfModifiedSince
	}
	return p
}

// apply sets the parameters in in.
func (p plan) apply(in *awss3.GetObjectInput) {
	in.Range = stringOrNil(p.byteRange)
	in.IfMatch = stringOrNil(p.ifMatch)
	in.IfNoneMatch = stringOrNil(p.ifNoneMatch)
	in.IfModifiedSince = timeOrNil(p.modifiedSince)
	in.IfUnmodifiedSince = timeOrNil(p.unmodifiedSince)
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return aws.Time(t)
}

// mayHold reports whether there can be a version for which req selects a part: a weak
// If-Range, or a date within its second, never holds. It calls Resolve for the version
// that the client has.
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

// beyond is larger than any object. Larger numbers overflow in some servers.
const beyond = 1 << 50

// rangeHeader formats r, which is not the whole object.
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

// sendable reports whether every server interprets the tag as we do: some split at
// commas within quotes, or treat a quoted asterisk as a bare one. S3's own tags are
// hexadecimal with a hyphen.
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
