package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var staticKeys = credentials.NewStaticCredentialsProvider("key-id", "secret-key", "")

// Each setting of a client differs from the SDK's default, or from the default of one
// of its constructors.
func TestNewClient(t *testing.T) {
	yes, no := true, false
	tests := []struct {
		what      string
		opts      s3.ClientOptions
		pathStyle bool
		requests  aws.RequestChecksumCalculation
	}{
		{"AWS", s3.ClientOptions{}, false, aws.RequestChecksumCalculationWhenSupported},
		{"AWS, path style", s3.ClientOptions{PathStyle: &yes}, true, aws.RequestChecksumCalculationWhenSupported},
		{"an endpoint", s3.ClientOptions{Endpoint: "https://minio.example:9000"}, true, aws.RequestChecksumCalculationWhenRequired},
		{"an endpoint, no path style", s3.ClientOptions{Endpoint: "https://minio.example", PathStyle: &no}, false, aws.RequestChecksumCalculationWhenRequired},
		{"an endpoint, checksums", s3.ClientOptions{Endpoint: "https://minio.example", RequestChecksums: aws.RequestChecksumCalculationWhenSupported}, true, aws.RequestChecksumCalculationWhenSupported},
	}
	for _, tt := range tests {
		tt.opts.Region, tt.opts.Credentials = "eu-west-1", staticKeys
		client, err := s3.NewClient(tt.opts)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		o := client.Options()
		if o.UsePathStyle != tt.pathStyle || o.RequestChecksumCalculation != tt.requests {
			t.Errorf("%s: path style %t, request checksums %v", tt.what, o.UsePathStyle, o.RequestChecksumCalculation)
		}
		if o.ResponseChecksumValidation != aws.ResponseChecksumValidationWhenSupported || !o.DisableLogOutputChecksumValidationSkipped {
			t.Errorf("%s: answers are not verified, or verification is logged", tt.what)
		}
		if o.Region != "eu-west-1" || aws.ToString(o.BaseEndpoint) != tt.opts.Endpoint {
			t.Errorf("%s: region %q, endpoint %q", tt.what, o.Region, aws.ToString(o.BaseEndpoint))
		}
		h, ok := o.HTTPClient.(*http.Client)
		if !ok {
			t.Fatalf("%s: the HTTP client is a %T", tt.what, o.HTTPClient)
		}
		tr := quickTransport(h)
		if tr.MaxIdleConnsPerHost != 256 || tr.MaxIdleConns != 512 || tr.ResponseHeaderTimeout != 10*time.Second || tr.IdleConnTimeout != 90*time.Second {
			t.Errorf("%s: transport %+v", tt.what, tr)
		}
	}
}

// quickTransport returns the transport for all requests except CompleteMultipartUpload.
func quickTransport(h *http.Client) *http.Transport {
	return reflect.ValueOf(h.Transport).Elem().FieldByName("Transport").Interface().(*http.Transport)
}

// Only the answer to CompleteMultipartUpload may take long.
func TestClientWaitsForComplete(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(1500 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { slow(w, r) })
	client := newClient(t, s.URL)
	quickTransport(client.Options().HTTPClient.(*http.Client)).ResponseHeaderTimeout = time.Second
	once := func(o *awss3.Options) { o.Retryer = aws.NopRetryer{} }
	if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("file")}, once); err == nil {
		t.Error("PutObject's wait for an answer is unbounded")
	}
	if _, err := client.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("file"), UploadId: aws.String("1"),
	}, once); err != nil {
		t.Errorf("CompleteMultipartUpload: %v", err)
	}
}

func TestClientRetries(t *testing.T) {
	client, err := s3.NewClient(s3.ClientOptions{Region: "eu-west-1", Credentials: staticKeys})
	if err != nil {
		t.Fatal(err)
	}
	r := client.Options().Retryer
	if _, ok := r.(*retry.Standard); !ok || r.MaxAttempts() != 3 {
		t.Errorf("retryer %T with %d attempts", r, r.MaxAttempts())
	}
	for code, want := range map[string]bool{"ExpiredToken": true, "SlowDown": true, "NoSuchKey": false, "PreconditionFailed": false} {
		err := &smithy.GenericAPIError{Code: code}
		if got := r.IsErrorRetryable(err); got != want {
			t.Errorf("%s: tried again: %t", code, got)
		}
	}
	for range 100 {
		if d, err := r.RetryDelay(10, errors.New("x")); err != nil || d > 2*time.Second {
			t.Fatalf("waits %v, %v", d, err)
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	good := s3.ClientOptions{Region: "eu-west-1", Credentials: staticKeys}
	for what, spoil := range map[string]func(o *s3.ClientOptions){
		"no region":             func(o *s3.ClientOptions) { o.Region = "" },
		"no credentials":        func(o *s3.ClientOptions) { o.Credentials = nil },
		"both":                  func(o *s3.ClientOptions) { o.Anonymous = true },
		"endpoint without host": func(o *s3.ClientOptions) { o.Endpoint = "https://" },
		"endpoint, no URL":      func(o *s3.ClientOptions) { o.Endpoint = "minio.example:9000" },
		"endpoint of a file":    func(o *s3.ClientOptions) { o.Endpoint = "file:///etc" },
		"endpoint with secret":  func(o *s3.ClientOptions) { o.Endpoint = "https://user:secret@minio.example" },
	} {
		o := good
		spoil(&o)
		if c, err := s3.NewClient(o); err == nil || c != nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// Requests are unsigned only if requested.
func TestAnonymous(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, "data", stubTag) })
	client, err := s3.NewClient(s3.ClientOptions{Region: "us-east-1", Endpoint: s.URL, Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*s3.Backend{newBackend(t, client, s3.Options{}), s.backend(s3.Options{})} {
		if _, _, err := fetch(t.Context(), b, vfs.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := s.request(0).Header.Get("Authorization"), s.request(1).Header.Get("Authorization"); a != "" || b == "" {
		t.Errorf("anonymous %q, otherwise %q", a, b)
	}
}

// noCredentials fails; it is not called more often than needed.
type noCredentials struct{}

func (noCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("nothing in the environment,\nnor elsewhere")
}

// Without credentials there is no request, and the error is the same however objects are
// read.
func TestNoCredentials(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, "data", stubTag) })
	client, err := s3.NewClient(s3.ClientOptions{Region: "us-east-1", Endpoint: s.URL, Credentials: noCredentials{}})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, api := range []s3.API{client, client.Client} {
		b := newBackend(t, api, s3.Options{})
		_, _, err := fetch(t.Context(), b, vfs.Request{})
		_, err2 := b.Stat(t.Context(), name("file"), vfs.Request{})
		var e, e2 *vfs.Error
		if !errors.As(err, &e) || !errors.As(err2, &e2) || !errors.Is(err, vfs.ErrUnavailable) || !errors.Is(err2, vfs.ErrUnavailable) {
			t.Fatalf("a %T: %v, %v", api, err, err2)
		}
		texts = append(texts, e.Err.Error()+" "+e2.Err.Error())
	}
	if texts[0] != texts[1] || len(s.requests()) > 0 {
		t.Errorf("%q, and %d requests", texts, len(s.requests()))
	}
}
