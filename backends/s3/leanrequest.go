package s3

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"
	smithytime "github.com/aws/smithy-go/time"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// emptySHA256 is the checksum of no body.
var emptySHA256 = []string{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

// A requestHeader collects header fields with one allocation for their values.
type requestHeader struct {
	http.Header
	values []string
}

// set sets a field that has a value. The name is in canonical form.
func (h *requestHeader) set(name string, value *string) {
	if value == nil {
		return
	}
	h.values = append(h.values, *value)
	i := len(h.values)
	h.Header[name] = h.values[i-1 : i : i]
}

// getRequest returns the request that the SDK sends for in, without its signature and
// without the two fields in which it numbers its requests.
func (l *leanClient) getRequest(in *awss3.GetObjectInput) *http.Request {
	req, h := l.request(http.MethodGet, *in.Key, in.ExpectedBucketOwner)
	req.URL.RawQuery = "x-id=GetObject"
	if in.VersionId != nil {
		req.URL.RawQuery = url.Values{"versionId": {*in.VersionId}}.Encode() + "&" + req.URL.RawQuery
	}
	if in.ChecksumMode != "" {
		mode := string(in.ChecksumMode)
		h.set("X-Amz-Checksum-Mode", &mode)
	}
	h.set("Range", in.Range)
	h.set("If-Match", in.IfMatch)
	h.set("If-None-Match", in.IfNoneMatch)
	if in.IfModifiedSince != nil {
		date := smithytime.FormatHTTPDate(*in.IfModifiedSince)
		h.set("If-Modified-Since", &date)
	}
	if in.IfUnmodifiedSince != nil {
		date := smithytime.FormatHTTPDate(*in.IfUnmodifiedSince)
		h.set("If-Unmodified-Since", &date)
	}
	return req
}

// headRequest is like getRequest.
func (l *leanClient) headRequest(in *awss3.HeadObjectInput) *http.Request {
	req, _ := l.request(http.MethodHead, *in.Key, in.ExpectedBucketOwner)
	return req
}

func (l *leanClient) request(method, key string, owner *string) (*http.Request, requestHeader) {
	u := l.endpoint
	u.RawPath = smithyhttp.JoinPath(cmp.Or(u.RawPath, u.Path), httpbinding.EscapePath(key, false))
	u.Path = smithyhttp.JoinPath(u.Path, key)
	h := requestHeader{make(http.Header, 12), make([]string, 0, 6)}
	for name, values := range l.header {
		h.Header[name] = values
	}
	h.Header["X-Amz-Content-Sha256"] = emptySHA256
	h.set("X-Amz-Expected-Bucket-Owner", owner)
	return &http.Request{
		Method:     method,
		URL:        &u,
		Host:       u.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     h.Header,
	}, h
}

// sign signs req. It fails if there are no credentials.
func (l *leanClient) sign(ctx context.Context, req *http.Request) (*http.Request, error) {
	if l.credentials == nil {
		return req, nil
	}
	credentials, err := l.credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	return req, l.signer.SignHTTP(ctx, credentials, req, emptySHA256[0], signingName, l.region, l.client.skew.now(), l.signing)
}
