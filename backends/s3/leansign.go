package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A leanSigner signs the usual requests of a leanClient with Signature Version 4, at a
// tenth of the cost of the SDK's signer: it knows their fields, and what of a request
// needs no encoding. The zero leanSigner signs none.
type leanSigner struct {
	host, region string
	key          atomic.Pointer[signingKey]
}

// signedFields are the fields that are signed if a request has them, in the order of
// their lower-case names.
var signedFields = []struct{ name, lower string }{
	{"If-Match", "if-match"},
	{"If-Modified-Since", "if-modified-since"},
	{"If-None-Match", "if-none-match"},
	{"If-Unmodified-Since", "if-unmodified-since"},
	{"Range", "range"},
	{"X-Amz-Checksum-Mode", "x-amz-checksum-mode"},
	{"X-Amz-Content-Sha256", "x-amz-content-sha256"},
	{"X-Amz-Date", "x-amz-date"},
	{"X-Amz-Expected-Bucket-Owner", "x-amz-expected-bucket-owner"},
	{"X-Amz-Security-Token", "x-amz-security-token"},
}

const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingTime      = "20060102T150405Z"
)

// sign signs req at now. It reports false, and changes nothing that the SDK's signer
// would not overwrite, if req needs that one: for a query that has to be encoded, and
// for values whose spaces a signature leaves out.
func (s *leanSigner) sign(req *http.Request, c aws.Credentials, now time.Time) bool {
	if s.host == "" || req.URL.RawQuery != "" && req.URL.RawQuery != getQuery {
		return false
	}
	date := now.UTC().Format(signingTime)
	req.Header["X-Amz-Date"] = []string{date}
	if c.SessionToken != "" {
		req.Header["X-Amz-Security-Token"] = []string{c.SessionToken}
	}
	var buffer [1024]byte
	b := append(buffer[:0], req.Method...)
	b = append(append(b, '\n'), req.URL.EscapedPath()...)
	b = append(append(b, '\n'), req.URL.RawQuery...)
	b = append(append(b, "\nhost:"...), s.host...)
	var list [256]byte
	names := append(list[:0], "host"...)
	for _, f := range signedFields {
		values := req.Header[f.name]
		if len(values) == 0 {
			continue
		}
		value := values[0]
		if strings.Contains(value, "  ") || strings.TrimSpace(value) != value {
			return false
		}
		b = append(append(append(append(b, '\n'), f.lower...), ':'), value...)
		names = append(append(names, ';'), f.lower...)
	}
	b = append(append(b, "\n\n"...), names...)
	b = append(append(b, '\n'), emptySHA256[0]...)

	key := s.keyFor(c, date[:len("20060102")])
	sum := sha256.Sum256(b)
	b = append(append(b[:0], signingAlgorithm+"\n"...), date...)
	b = append(append(b, '\n'), key.scope...)
	b = hex.AppendEncode(append(b, '\n'), sum[:])
	signature := key.sign(b)
	b = append(append(b[:0], signingAlgorithm+" Credential="...), c.AccessKeyID...)
	b = append(append(b, '/'), key.scope...)
	b = append(append(b, ", SignedHeaders="...), names...)
	b = hex.AppendEncode(append(b, ", Signature="...), signature[:])
	req.Header["Authorization"] = []string{string(b)}
	return true
}

// A signingKey is the key for the requests of one day.
type signingKey struct {
	credentials aws.Credentials
	date, scope string
	macs        sync.Pool // of hash.Hash
}

func (s *leanSigner) keyFor(c aws.Credentials, date string) *signingKey {
	k := s.key.Load()
	if k != nil && k.date == date && k.credentials.AccessKeyID == c.AccessKeyID && k.credentials.SecretAccessKey == c.SecretAccessKey {
		return k
	}
	secret := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range []string{date, s.region, signingName, "aws4_request"} {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(part))
		secret = mac.Sum(nil)
	}
	k = &signingKey{credentials: c, date: date, scope: date + "/" + s.region + "/" + signingName + "/aws4_request"}
	k.macs.New = func() any { return hmac.New(sha256.New, secret) }
	s.key.Store(k)
	return k
}

func (k *signingKey) sign(text []byte) (signature [sha256.Size]byte) {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(text)
	mac.Sum(signature[:0])
	return signature
}
