package s3

import (
	"net/http"
	"strings"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithytime "github.com/aws/smithy-go/time"
)

// A getAnswer is an output and what it points to.
type getAnswer struct {
	awss3.GetObjectOutput
	header objectHeader
	body   checkedBody
}

// getOutput returns what the SDK returns for res, except for fields that a Backend does
// not use. It reports false if only the SDK can read res.
func getOutput(res *http.Response) (*awss3.GetObjectOutput, bool) {
	a := new(getAnswer)
	h := &a.header
	if !h.parse(res) {
		return nil, false
	}
	a.ContentLength, a.ContentRange, a.ContentType, a.ContentEncoding = h.length, h.contentRange, h.contentType, h.contentEncoding
	a.LastModified, a.ETag, a.VersionId, a.Metadata = h.modified, h.etag, h.version, h.metadata
	a.Body = res.Body
	if h.checksum.checkable() {
		a.body = checkedBody{ReadCloser: res.Body, sum: h.checksum.hash(), want: h.checksum}
		a.Body = &a.body
	}
	return &a.GetObjectOutput, true
}

// A headAnswer is an output and what it points to.
type headAnswer struct {
	awss3.HeadObjectOutput
	header objectHeader
}

// headOutput is like getOutput.
func headOutput(res *http.Response) (*awss3.HeadObjectOutput, bool) {
	a := new(headAnswer)
	h := &a.header
	if !h.parse(res) {
		return nil, false
	}
	a.ContentLength, a.ContentType, a.ContentEncoding = h.length, h.contentType, h.contentEncoding
	a.LastModified, a.ETag, a.VersionId, a.Metadata = h.modified, h.etag, h.version, h.metadata
	return &a.HeadObjectOutput, true
}

// An objectHeader has the fields of an answer that a Backend uses; nil if they are
// missing.
type objectHeader struct {
	length                                                    *int64
	modified                                                  *time.Time
	etag, version, contentType, contentEncoding, contentRange *string

	metadata map[string]string // the object's own, with names in lower case
	checksum checksum

	lengthValue   int64
	modifiedValue time.Time
}

// parse reads the header of res. It reports false for a date that it cannot parse, and
// for checksums that it does not know, or several.
func (h *objectHeader) parse(res *http.Response) bool {
	for name, values := range res.Header {
		if len(values) == 0 {
			continue
		}
		value := &values[0]
		switch name {
		case "Content-Length":
			h.lengthValue = res.ContentLength
			h.length = &h.lengthValue
		case "Content-Range":
			h.contentRange = value
		case "Content-Type":
			h.contentType = value
		case "Content-Encoding":
			h.contentEncoding = value
		case "Etag":
			h.etag = value
		case "X-Amz-Version-Id":
			h.version = value
		case "Last-Modified":
			var err error
			if h.modifiedValue, err = smithytime.ParseHTTPDate(*value); err != nil {
				return false
			}
			h.modified = &h.modifiedValue
		default:
			if !h.parseOther(name, *value) {
				return false
			}
		}
	}
	return true
}

func (h *objectHeader) parseOther(name, value string) bool {
	if algorithm, ok := strings.CutPrefix(name, "X-Amz-Checksum-"); ok && algorithm != "Type" {
		if h.checksum.value != "" {
			return false
		}
		h.checksum = checksum{algorithm, value}
		return h.checksum.known()
	}
	if key, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
		if h.metadata == nil {
			h.metadata = map[string]string{}
		}
		h.metadata[strings.ToLower(key)] = value
	}
	return true
}
