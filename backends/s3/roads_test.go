package s3_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
)

// A Backend reads objects either with requests of its own or through the SDK. The tests
// use the first, and TestThroughSDK repeats those that read from a server with the
// second.
var throughSDK bool

// apiOf returns c for the way of reading that is tested.
func apiOf(c *s3.Client) s3.API {
	if throughSDK {
		return c.Client
	}
	return c
}

func TestThroughSDK(t *testing.T) {
	throughSDK = true
	t.Cleanup(func() { throughSDK = false })
	s := newStub(t, nil)
	if s.backend(s3.Options{}).OwnRequests() {
		t.Fatal("the Backend does not read through the SDK")
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"BackendOnServer", TestBackendOnServer},
		{"BadBodyNeverEndsNormally", TestBadBodyNeverEndsNormally},
		{"BrokenStreamIsResumed", TestBrokenStreamIsResumed},
		{"Bursts", TestBursts},
		{"CancelReachesService", TestCancelReachesService},
		{"CodeInHeader", TestCodeInHeader},
		{"ConnectionsAreReused", TestConnectionsAreReused},
		{"Deadline", TestDeadline},
		{"ErrorBodyIsBounded", TestErrorBodyIsBounded},
		{"Errors", TestErrors},
		{"ExpectedOwner", TestExpectedOwner},
		{"ForbiddenReadsAsMissing", TestForbiddenReadsAsMissing},
		{"ManyReadersFewBodies", TestManyReadersFewBodies},
		{"NoAnswer", TestNoAnswer},
		{"NotS3", TestNotS3},
		{"OddTags", TestOddTags},
		{"RedirectIsNotFollowed", TestRedirectIsNotFollowed},
		{"Requests", TestRequests},
		{"RestingBodyGivesWay", TestRestingBodyGivesWay},
		{"ServerDifferences", TestServerDifferences},
		{"SlowReadersKeepNobodyWaiting", TestSlowReadersKeepNobodyWaiting},
		{"StoredEncoding", TestStoredEncoding},
		{"WrongChecksum", TestWrongChecksum},
	} {
		t.Run(test.name, test.run)
	}
}

// A client of NewClient is not read through the SDK, except where requests of another
// kind are needed. A client of a program is its own.
func TestOwnRequests(t *testing.T) {
	no := false
	for _, tt := range []struct {
		what   string
		opts   s3.ClientOptions
		bucket string
		want   bool
	}{
		{"AWS", s3.ClientOptions{}, "bucket", true},
		{"AWS, anonymous", s3.ClientOptions{Anonymous: true}, "bucket", true},
		{"AWS in China", s3.ClientOptions{Region: "cn-north-1"}, "bucket", true},
		{"an endpoint", s3.ClientOptions{Endpoint: "https://minio.example:9000"}, "bucket", true},
		{"an endpoint, not in the path", s3.ClientOptions{Endpoint: "https://minio.example", PathStyle: &no}, "bucket", true},
		{"the alias of an access point", s3.ClientOptions{}, "name-abcdefghijklmnopqrstuvwxyz0123456789-s3alias", true},
		{"a directory bucket", s3.ClientOptions{}, "bucket--use1-az4--x-s3", false},
		{"an access point of a directory bucket", s3.ClientOptions{}, "name--use1-az4--xa-s3", false},
		{"a region that is a setting", s3.ClientOptions{Region: "fips-us-gov-west-1"}, "bucket", false},
		{"a region that is none", s3.ClientOptions{Region: "a b"}, "bucket", false},
	} {
		if tt.opts.Region == "" {
			tt.opts.Region = "us-east-1"
		}
		if !tt.opts.Anonymous {
			tt.opts.Credentials = staticKeys
		}
		client, err := s3.NewClient(tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		for api, want := range map[s3.API]bool{client: tt.want, client.Client: false} {
			b, err := s3.New(api, s3.Options{Bucket: tt.bucket})
			if err != nil {
				t.Fatal(err)
			}
			if got := b.OwnRequests(); got != want {
				t.Errorf("%s, a %T: its own requests: %t", tt.what, api, got)
			}
		}
	}
}
