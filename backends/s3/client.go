package s3

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// ClientOptions select the service and the credentials for [NewClient].
type ClientOptions struct {
	// Region is required; services without regions accept "us-east-1".
	Region string

	// Endpoint is the URL of a service other than AWS, such as
	// "https://minio.example:9000"; "" means AWS.
	Endpoint string

	// PathStyle puts the bucket into the URL's path. Nil means true with an Endpoint,
	// and false for AWS.
	PathStyle *bool

	// Credentials sign the requests. They are required unless Anonymous is set, so that
	// a forgotten setting does not silently make requests anonymous.
	Credentials aws.CredentialsProvider
	Anonymous   bool

	// RequestChecksums says when requests carry a checksum. 0 means whenever supported
	// for AWS, and only when required for an Endpoint, as many services do not support
	// the newer ones.
	RequestChecksums aws.RequestChecksumCalculation

	// RootCAs are the trusted certificate authorities; nil means the system's.
	RootCAs *x509.CertPool

	// HTTPClient sends the requests, instead of a client with NewClient's timeouts and
	// RootCAs. It must not follow redirects.
	HTTPClient awss3.HTTPClient
}

// Limits of a client, where the SDK has none or ones meant for few requests.
const (
	maxAttempts   = 3
	maxBackoff    = 2 * time.Second
	dialTimeout   = 5 * time.Second
	headerTimeout = 10 * time.Second
	idleConn      = 90 * time.Second
	idlePerHost   = 256
	idleConns     = 512
	expiryWindow  = time.Minute
	expiryJitter  = 0.5
)

// A Client is the SDK's client with the settings of [NewClient]. A [Backend] that gets
// it reads objects with requests of its own, which cost a fraction of the SDK's, and
// sends everything else through the SDK. To read through the SDK, too, pass the embedded
// client to [New].
type Client struct {
	*awss3.Client
	http    *http.Client // nil with ClientOptions.HTTPClient
	retryer *retry.Standard
	skew    *clockSkew
}

// NewClient makes a client suitable for a [Backend]. It does no I/O and reads no
// environment variables: credentials and region must be given.
func NewClient(opts ClientOptions) (*Client, error) {
	o, err := opts.build()
	if err != nil {
		return nil, err
	}
	c := &Client{retryer: newRetryer(), skew: new(clockSkew)}
	o.Retryer = c.retryer
	o.APIOptions = append(o.APIOptions, c.skew.observe)
	if o.HTTPClient == nil {
		c.http = newHTTPClient(opts.RootCAs)
		o.HTTPClient = c.http
	}
	c.Client = awss3.New(o)
	return c, nil
}

// sdkClient returns the SDK's client in api, or nil.
func sdkClient(api API) *awss3.Client {
	switch c := api.(type) {
	case *Client:
		return c.Client
	case *awss3.Client:
		return c
	}
	return nil
}

func newRetryer() *retry.Standard {
	return retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxAttempts
		s.MaxBackoff = maxBackoff
		s.Retryables = append(s.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"ExpiredToken": {}}})
	})
}

func (opts *ClientOptions) build() (awss3.Options, error) {
	o := awss3.Options{
		Region: opts.Region,
		// New does not enable checksums by default; NewFromConfig does.
		RequestChecksumCalculation:                opts.RequestChecksums,
		ResponseChecksumValidation:                aws.ResponseChecksumValidationWhenSupported,
		DisableLogOutputChecksumValidationSkipped: true,
		HTTPClient: opts.HTTPClient,
	}
	if o.Region == "" {
		return o, errors.New("s3: Region is not set")
	}
	custom := opts.Endpoint != ""
	if custom {
		u, err := url.Parse(opts.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return o, errors.New("s3: the endpoint is not an http or https URL")
		}
		o.BaseEndpoint = aws.String(opts.Endpoint)
	}
	o.UsePathStyle = custom
	if opts.PathStyle != nil {
		o.UsePathStyle = *opts.PathStyle
	}
	if o.RequestChecksumCalculation == 0 {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		if custom {
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}
	}
	switch {
	case opts.Anonymous && opts.Credentials != nil:
		return o, errors.New("s3: both Credentials and Anonymous are set")
	case opts.Anonymous:
		o.Credentials = aws.AnonymousCredentials{}
	case opts.Credentials == nil:
		return o, errors.New("s3: neither Credentials nor Anonymous is set")
	default:
		o.Credentials = aws.NewCredentialsCache(opts.Credentials, func(c *aws.CredentialsCacheOptions) {
			c.ExpiryWindow = expiryWindow
			c.ExpiryWindowJitterFrac = expiryJitter
		})
	}
	return o, nil
}

// newHTTPClient bounds every wait except that for a body, which a Backend watches
// itself.
func newHTTPClient(roots *x509.CertPool) *http.Client {
	transport := awshttp.NewBuildableClient().GetTransport()
	transport.TLSClientConfig.RootCAs = roots
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	transport.MaxIdleConnsPerHost = idlePerHost
	transport.MaxIdleConns = idleConns
	transport.IdleConnTimeout = idleConn
	transport.ResponseHeaderTimeout = headerTimeout
	patient := transport.Clone()
	patient.ResponseHeaderTimeout = completeWait
	return &http.Client{
		Transport: &roundTripper{Transport: transport, patient: patient},
		// A redirect would send the request to a host that nobody configured, and
		// return that host's answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A roundTripper waits longer for the answer to CompleteMultipartUpload: some servers
// first copy all parts. A retry meanwhile would not find the upload any more.
type roundTripper struct {
	*http.Transport
	patient *http.Transport
}

func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	transport := t.Transport
	if req.Method == http.MethodPost && req.URL.Query().Has("uploadId") || req.Header.Get("X-Amz-Copy-Source") != "" {
		transport = t.patient
	}
	res, err := transport.RoundTrip(req)
	if err == nil && res.StatusCode >= 300 && res.Body != http.NoBody {
		res.Body = boundError(res.Body, t.ResponseHeaderTimeout)
	}
	return res, err
}

func (t *roundTripper) CloseIdleConnections() {
	t.Transport.CloseIdleConnections()
	t.patient.CloseIdleConnections()
}

// maxErrorBytes bounds the body of an error, which the SDK reads into memory.
const maxErrorBytes = 64 << 10

// An errorBody is the body of an error, of at most maxErrorBytes.
type errorBody struct {
	io.Reader
	body  io.ReadCloser
	timer *time.Timer
}

// boundError returns body as one that ends after wait, since nobody else watches it.
func boundError(body io.ReadCloser, wait time.Duration) io.ReadCloser {
	return &errorBody{
		Reader: io.LimitReader(body, maxErrorBytes),
		body:   body,
		timer:  time.AfterFunc(wait, func() { body.Close() }),
	}
}

func (b *errorBody) Close() error {
	b.timer.Stop()
	return b.body.Close()
}
