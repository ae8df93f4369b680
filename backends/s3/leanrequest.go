package s3

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/encoding/httpbinding"
	smithytime "github.com/aws/smithy-go/time"
)

const getQuery = "x-id=GetObject"

// getRequest returns the request that the SDK sends for in, without its signature and
// without the two fields in which the SDK numbers its requests.
func (l *leanClient) getRequest(ctx context.Context, in *awss3.GetObjectInput) *http.Request {
	h := l.newHeader(in.ExpectedBucketOwner)
	if in.ChecksumMode != "" {
		h["X-Amz-Checksum-Mode"] = checksumMode
	}
	setField(h, "Range", in.Range)
	setField(h, "If-Match", in.IfMatch)
	setField(h, "If-None-Match", in.IfNoneMatch)
	setDate(h, "If-Modified-Since", in.IfModifiedSince)
	setDate(h, "If-Unmodified-Since", in.IfUnmodifiedSince)
	query := getQuery
	if in.VersionId != nil {
		query = url.Values{"versionId": {*in.VersionId}}.Encode() + "&" + query
	}
	return l.request(ctx, http.MethodGet, *in.Key, query, h)
}

// headRequest is like getRequest.
func (l *leanClient) headRequest(ctx context.Context, in *awss3.HeadObjectInput) *http.Request {
	return l.request(ctx, http.MethodHead, *in.Key, "", l.newHeader(in.ExpectedBucketOwner))
}

func (l *leanClient) request(ctx context.Context, method, key, query string, header http.Header) *http.Request {
	u := l.endpoint
	u.Path += key
	if u.RawPath == l.endpoint.Path && isPlain(key) {
		u.RawPath = u.Path
	} else {
		u.RawPath += httpbinding.EscapePath(key, false)
	}
	u.RawQuery = query
	req := http.Request{
		Method:     method,
		URL:        &u,
		Host:       l.host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header,
	}
	return req.WithContext(ctx)
}

// isPlain reports whether no byte of a key is escaped.
func isPlain(key string) bool {
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '/', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// sign completes req. It fails if there are no credentials.
func (l *leanClient) sign(ctx context.Context, req *http.Request) error {
	if l.credentials != nil {
		credentials, err := l.credentials.Retrieve(ctx)
		if err != nil {
			return err
		}
		now := l.client.skew.now()
		if !l.lean.sign(req, credentials, now) {
			if err := l.signer.SignHTTP(ctx, credentials, req, emptySHA256[0], signingName, l.region, now); err != nil {
				return err
			}
		}
	}
	// The SDK signs this field, too. Proxies that change it then break the signature.
	req.Header["Accept-Encoding"] = identity
	return nil
}

// Values of header fields, which nobody modifies.
var (
	emptySHA256  = []string{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"} // of no body
	checksumMode = []string{string(types.ChecksumModeEnabled)}
	identity     = []string{"identity"} // otherwise the transport would ask for gzip
)

func (l *leanClient) newHeader(owner *string) http.Header {
	h := make(http.Header, 8) // the usual number, with the signature
	maps.Copy(h, l.header)
	setField(h, "X-Amz-Expected-Bucket-Owner", owner)
	return h
}

// setField sets a field that has a value. Its name is in canonical form.
func setField(h http.Header, name string, value *string) {
	if value != nil {
		h[name] = []string{*value}
	}
}

func setDate(h http.Header, name string, t *time.Time) {
	if t != nil {
		h[name] = []string{smithytime.FormatHTTPDate(*t)}
	}
}
