package s3

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyauth "github.com/aws/smithy-go/auth"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A leanClient reads the objects of one bucket. It signs the request itself and sends it
// through the client's transport, and reads an answer that has the object.
//
// Everything else is left to the SDK: an error, a redirect and an answer that leanClient
// does not understand is given to the SDK as the answer to its own first request. So the
// SDK alone decides what an error is and whether to try again, and when.
type leanClient struct {
	client   *Client
	sdk      *awss3.Client
	send     func(*http.Request) (*http.Response, error)
	refill   func(error) error // puts a token into the retryer's bucket
	bucket   string
	endpoint url.URL // with the bucket

	// Nil credentials make anonymous requests.
	credentials aws.CredentialsProvider
	signer      awss3.HTTPSignerV4 // which does not escape paths again
	region      string
	lean        leanSigner
	host        string
	header      http.Header // that each request has; not to be modified
}

// newLeanClient returns nil if the SDK reads this bucket in another way than with a
// request that has one signature of version 4: S3 Express has sessions, and access
// points of several regions have other signatures.
func newLeanClient(c *Client, bucket string) *leanClient {
	o := c.Options()
	// The SDK treats such a region as a setting.
	if strings.Contains(strings.ToLower(o.Region), "fips") {
		return nil
	}
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), awss3.EndpointParameters{
		Bucket:         &bucket,
		Region:         &o.Region,
		Endpoint:       o.BaseEndpoint,
		ForcePathStyle: &o.UsePathStyle,
	}.WithDefaults())
	if err != nil || len(endpoint.Headers) > 0 {
		return nil
	}
	options, _ := smithyauth.GetAuthOptions(&endpoint.Properties)
	// The resolver may leave out the namespace of the scheme.
	if len(options) != 1 || options[0].SchemeID != "sigv4" && options[0].SchemeID != smithyauth.SchemeIDSigV4 {
		return nil
	}
	properties := &options[0].SignerProperties
	service, _ := smithyhttp.GetSigV4SigningName(properties)
	region, ok := smithyhttp.GetSigV4SigningRegion(properties)
	unescaped, _ := smithyhttp.GetDisableDoubleEncoding(properties)
	if service != signingName || !ok || !unescaped {
		return nil
	}
	refill, err := c.retryer.GetAttemptToken(context.Background())
	if err != nil {
		return nil
	}
	l := &leanClient{
		client:      c,
		sdk:         c.Client,
		send:        o.HTTPClient.Do,
		refill:      refill,
		bucket:      bucket,
		endpoint:    endpoint.URI,
		credentials: o.Credentials,
		signer:      o.HTTPSignerV4,
		region:      region,
		header: http.Header{
			"User-Agent":           {userAgent()},
			"X-Amz-Content-Sha256": emptySHA256,
		},
	}
	// The SDK takes a path without escapes for both of its forms.
	l.endpoint.RawPath = directory(cmp.Or(l.endpoint.RawPath, l.endpoint.Path))
	l.endpoint.Path = directory(l.endpoint.Path)
	l.host = l.hostField()
	l.lean.host, l.lean.region = l.host, region
	if c.http != nil {
		// Of what http.Client.Do adds, only the refusal of redirects applies here.
		l.send = c.http.Transport.RoundTrip
	}
	return l
}

// hostField returns the Host that the SDK's signer sets, without a default port.
func (l *leanClient) hostField() string {
	u := l.endpoint
	req := &http.Request{Method: http.MethodGet, URL: &u, Host: u.Host, Header: http.Header{}}
	if l.credentials != nil {
		// Only the change to req matters.
		_ = l.signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "-", SecretAccessKey: "-"}, req, emptySHA256[0], signingName, l.region, time.Unix(0, 0))
	}
	return req.Host
}

// directory returns what the SDK puts before a key.
func directory(path string) string {
	return strings.TrimSuffix(smithyhttp.JoinPath(path, "key"), "key")
}

const signingName = "s3"

// userAgent returns the value that the SDK sends.
func userAgent() string {
	ua := awsmiddleware.NewRequestUserAgent()
	ua.AddSDKAgentKey(awsmiddleware.APIMetadata, "s3")
	ua.AddUserAgentFeature(awsmiddleware.UserAgentFeatureRetryModeStandard)
	req := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	// It only sets the header of req.
	_, _, _ = ua.HandleBuild(context.Background(), middleware.BuildInput{Request: req}, middleware.BuildHandlerFunc(
		func(context.Context, middleware.BuildInput) (out middleware.BuildOutput, m middleware.Metadata, err error) {
			return out, m, nil
		}))
	return req.Header.Get("User-Agent")
}

// GetObject implements objectAPI.
func (l *leanClient) GetObject(ctx context.Context, in *awss3.GetObjectInput, optFns ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	rest := *in // what getRequest does not know
	rest.Bucket, rest.Key, rest.ExpectedBucketOwner, rest.VersionId = nil, nil, nil, nil
	if rest.ChecksumMode == types.ChecksumModeEnabled {
		rest.ChecksumMode = ""
	}
	rest.Range, rest.IfMatch, rest.IfNoneMatch, rest.IfModifiedSince, rest.IfUnmodifiedSince = nil, nil, nil, nil, nil
	if rest != (awss3.GetObjectInput{}) || len(optFns) > 0 {
		return l.sdk.GetObject(ctx, in, optFns...)
	}
	req := l.getRequest(ctx, in)
	if l.sign(ctx, req) != nil {
		return l.sdk.GetObject(ctx, in)
	}
	res, err := l.send(req)
	if err == nil && (res.StatusCode == http.StatusOK || res.StatusCode == http.StatusPartialContent) {
		if out, ok := getOutput(res); ok {
			l.succeeded(ctx, in.Key, res)
			return out, nil
		}
	}
	r := newReplay(l.client, res, err)
	defer r.close()
	return l.sdk.GetObject(ctx, in, r.apply)
}

// HeadObject implements objectAPI.
func (l *leanClient) HeadObject(ctx context.Context, in *awss3.HeadObjectInput, optFns ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	rest := *in
	rest.Bucket, rest.Key, rest.ExpectedBucketOwner = nil, nil, nil
	if rest != (awss3.HeadObjectInput{}) || len(optFns) > 0 {
		return l.sdk.HeadObject(ctx, in, optFns...)
	}
	req := l.headRequest(ctx, in)
	if l.sign(ctx, req) != nil {
		return l.sdk.HeadObject(ctx, in)
	}
	res, err := l.send(req)
	if err == nil && res.StatusCode == http.StatusOK {
		if out, ok := headOutput(res); ok {
			res.Body.Close()
			l.succeeded(ctx, in.Key, res)
			return out, nil
		}
	}
	r := newReplay(l.client, res, err)
	defer r.close()
	return l.sdk.HeadObject(ctx, in, r.apply)
}

// succeeded does what the SDK does after a successful call: it credits the retryer, and
// notes the service's time.
func (l *leanClient) succeeded(ctx context.Context, key *string, res *http.Response) {
	_ = l.refill(nil) // it never fails
	if !l.client.skew.differs(res.Header) {
		return
	}
	// Only a call can tell the SDK. It gets nothing but this date, and its result does
	// not matter.
	date := newReplay(l.client, &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": res.Header["Date"]}, Body: http.NoBody}, nil)
	_, _ = l.sdk.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &l.bucket, Key: key}, date.apply)
}
