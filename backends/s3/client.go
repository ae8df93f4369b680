package s3

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// ClientOptions say which service [NewClient] connects to, and with which credentials.
type ClientOptions struct {
	// Region is required; services that have none take "us-east-1".
	Region string

	// Endpoint is the address of a service other than AWS, as
	// "https://minio.example:9000"; "" is AWS.
	Endpoint string

	// PathStyle says whether the bucket stands in the path. Nil is true where
	// there is an Endpoint, and false for AWS.
	PathStyle *bool

	// Credentials sign the requests. They are required but for Anonymous, so
	// that a forgotten setting does not silently ask as nobody.
	Credentials aws.CredentialsProvider
	Anonymous   bool

	// RequestChecksums is when requests carry a checksum; 0 is whenever they
	// can for AWS, and only where they must for an Endpoint, as many services
	// do not know the newer ones.
	RequestChecksums aws.RequestChecksumCalculation

	// RootCAs are the certificate authorities that are trusted, in the place
	// of the system's; nil for those.
	RootCAs *x509.CertPool

	// HTTPClient sends the requests, in the place of one with NewClient's
	// timeouts and RootCAs. It must not follow redirects.
	HTTPClient awss3.HTTPClient
}

// Limits of a client, where the SDK's own are none, or meant for few requests.
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

// NewClient makes a client that fits a [Backend]. It does no I/O. Nothing is
// taken from the environment: credentials and region are given.
func NewClient(opts ClientOptions) (*awss3.Client, error) {
	o, err := opts.build()
	if err != nil {
		return nil, err
	}
	return awss3.New(o), nil
}

func (opts *ClientOptions) build() (awss3.Options, error) {
	o := awss3.Options{
		Region: opts.Region,
		// New leaves checksums off where NewFromConfig has them on.
		RequestChecksumCalculation:                opts.RequestChecksums,
		ResponseChecksumValidation:                aws.ResponseChecksumValidationWhenSupported,
		DisableLogOutputChecksumValidationSkipped: true,
		HTTPClient: opts.HTTPClient,
		Retryer: retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts = maxAttempts
			s.MaxBackoff = maxBackoff
			s.Retryables = append(s.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"ExpiredToken": {}}})
		}),
	}
	if o.Region == "" {
		return o, errors.New("s3: no region is set")
	}
	custom := opts.Endpoint != ""
	if custom {
		u, err := url.Parse(opts.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return o, errors.New("s3: the endpoint is no http or https address")
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
		return o, errors.New("s3: credentials are given, and asking anonymously is, too")
	case opts.Anonymous:
		o.Credentials = aws.AnonymousCredentials{}
	case opts.Credentials == nil:
		return o, errors.New("s3: no credentials are given")
	default:
		o.Credentials = aws.NewCredentialsCache(opts.Credentials, func(c *aws.CredentialsCacheOptions) {
			c.ExpiryWindow = expiryWindow
			c.ExpiryWindowJitterFrac = expiryJitter
		})
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient(opts.RootCAs)
	}
	return o, nil
}

// newHTTPClient sets bounds to every wait but for that on a body, which a
// Backend watches itself.
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
		// A redirect would carry the request, and its answer, to a host that
		// nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A roundTripper waits longer for the answer to CompleteMultipartUpload alone:
// some servers copy all the parts first. To ask again meanwhile would meet an
// upload that is gone.
type roundTripper struct {
	*http.Transport
	patient *http.Transport
}

func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && req.URL.Query().Has("uploadId") || req.Header.Get("X-Amz-Copy-Source") != "" {
		return t.patient.RoundTrip(req)
	}
	return t.Transport.RoundTrip(req)
}

func (t *roundTripper) CloseIdleConnections() {
	t.Transport.CloseIdleConnections()
	t.patient.CloseIdleConnections()
}
