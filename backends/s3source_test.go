package backends_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestParseS3(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		source string
		want   backends.S3Source
		shown  string // by String; "" if it is the source
	}{
		{"s3://bucket", backends.S3Source{Bucket: "bucket"}, ""},
		{"s3://bucket/", backends.S3Source{Bucket: "bucket"}, "s3://bucket"},
		{"s3://bucket?", backends.S3Source{Bucket: "bucket"}, "s3://bucket"},
		{"s3://my.bucket-1/a/b/", backends.S3Source{Bucket: "my.bucket-1", Prefix: "a/b"}, "s3://my.bucket-1/a/b"},
		{"s3://bucket/two words", backends.S3Source{Bucket: "bucket", Prefix: "two words"}, "s3://bucket/two%20words"},
		{"s3://bucket/100%25%3F%23+é", backends.S3Source{Bucket: "bucket", Prefix: "100%?#+é"}, "s3://bucket/100%25%3F%23+%C3%A9"},
		{"s3://bucket/%252e", backends.S3Source{Bucket: "bucket", Prefix: "%2e"}, ""},
		{
			"s3://bucket/prefix?endpoint=http://127.0.0.1:7070&region=us-east-1&path_style=true",
			backends.S3Source{Bucket: "bucket", Prefix: "prefix", Endpoint: "http://127.0.0.1:7070", Region: "us-east-1", PathStyle: &yes}, "",
		},
		{
			"s3://bucket?path_style=false&region=auto&endpoint=https%3A%2F%2FABC.r2.cloudflarestorage.com%2F",
			backends.S3Source{Bucket: "bucket", Endpoint: "https://abc.r2.cloudflarestorage.com", Region: "auto", PathStyle: &no},
			"s3://bucket?endpoint=https://abc.r2.cloudflarestorage.com&region=auto&path_style=false",
		},
		{"s3://bucket?endpoint=http://localhost:9000", backends.S3Source{Bucket: "bucket", Endpoint: "http://localhost:9000"}, ""},
		{"s3://bucket?endpoint=http://[::1]:9000", backends.S3Source{Bucket: "bucket", Endpoint: "http://[::1]:9000"}, ""},
		{"s3://bucket?endpoint=http://minio:9000&insecure=true", backends.S3Source{Bucket: "bucket", Endpoint: "http://minio:9000", Insecure: true}, ""},
		{"s3://bucket?insecure=false", backends.S3Source{Bucket: "bucket"}, "s3://bucket"},
		{"s3://bucket?anonymous=true&bucket_owner=123456789012", backends.S3Source{Bucket: "bucket", Anonymous: true, BucketOwner: "123456789012"}, ""},
	} {
		got, err := backends.ParseS3(tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.source, diff)
		}
		want := tt.shown
		if want == "" {
			want = tt.source
		}
		if got.String() != want {
			t.Errorf("%s prints as %s, want %s", tt.source, got, want)
		}
	}
}

// An error says what is wrong, and does not repeat a possible secret.
func TestParseS3Refuses(t *testing.T) {
	for _, tt := range []struct{ source, says string }{
		{"s3://", "name a bucket"},
		{"s3:///prefix", "name a bucket"},
		{"S3://bucket", "s3://"},
		{"/srv/site", "s3://"},
		{"s3://bucket/a#b", "%23"},
		{"s3://bucket?region=a#b", "%23"},
		{"s3://AKIASECRET:SECRET@bucket", "AWS_ACCESS_KEY_ID"},
		{"s3://AKIASECRET@bucket/prefix", "AWS_SECRET_ACCESS_KEY"},
		{"s3://bucket:9000/prefix", "endpoint="},
		{"s3://SECRET:x/y@bucket", "endpoint="},
		{"s3://ab", "not a valid bucket name"},
		{"s3://..", "not a valid bucket name"},
		{"s3://a..b", "not a valid bucket name"},
		{"s3://bu%2Fcket", "not a valid bucket name"},
		{"s3://bücket", "not a valid bucket name"},
		{"s3://" + strings.Repeat("b", 256), "not a valid bucket name"},
		{"s3://bucket//", "the name is empty"},
		{"s3://bucket//a", "empty element"},
		{"s3://bucket/a//b", "empty element"},
		{"s3://bucket/../other", `".."`},
		{"s3://bucket/%2e%2e/other", `".."`},
		{"s3://bucket/.", `"."`},
		{"s3://bucket/a%2Fb", "escaped slash"},
		{"s3://bucket/a%zz", "percent sign"},
		{"s3://bucket/a\\b", "backslash"},
		{"s3://bucket/a\nb", "control"},
		{"s3://bucket/\xff", "UTF-8"},
		{"s3://bucket/" + strings.Repeat("a/", 600) + "b", "1024"},
		{"s3://bucket?endpiont=https://SECRET", "unknown parameter endpiont; the parameters are anonymous, bucket_owner, endpoint, insecure, path_style, region"},
		{"s3://bucket?access_key=SECRET", "unknown parameter access_key"},
		{"s3://bucket?Region=x", "unknown parameter Region"},
		{"s3://bucket?SECRET/1", "the only parameters are"},
		{"s3://bucket?region=a&region=b", "more than once"},
		{"s3://bucket?region=a&region=a", "more than once"},
		{"s3://bucket?region", "no value"},
		{"s3://bucket?endpoint=", "no value"},
		{"s3://bucket?region=a;path_style=true", "cannot parse"},
		{"s3://bucket?region=%zz", "cannot parse"},
		{"s3://bucket?region=evil.example/", "eu-central-1"},
		{"s3://bucket?region=a.b", "eu-central-1"},
		{"s3://bucket?path_style=yes", "true or false"},
		{"s3://bucket?anonymous=1", "true or false"},
		{"s3://bucket?bucket_owner=me", "12 digits"},
		{"s3://bucket?endpoint=127.0.0.1:7070", "https://HOST"},
		{"s3://bucket?endpoint=localhost:7070", "https://HOST"},
		{"s3://bucket?endpoint=ftp://127.0.0.1", "https://HOST"},
		{"s3://bucket?endpoint=https:///x", "only of a scheme and a host"},
		{"s3://bucket?endpoint=https://", "https://HOST"},
		{"s3://bucket?endpoint=https:opaque", "https://HOST"},
		{"s3://bucket?endpoint=https://a b", "https://HOST"},
		{"s3://bucket?endpoint=https://key:SECRET@host", "AWS_ACCESS_KEY_ID"},
		{"s3://bucket?endpoint=https://host/bucket", "only of a scheme and a host"},
		{"s3://bucket?endpoint=https://host%3Fa=b", "only of a scheme and a host"},
		{"s3://bucket?endpoint=https://host%23a", "only of a scheme and a host"},
		{"s3://bucket?endpoint=https://host:0", "65535"},
		{"s3://bucket?endpoint=https://host:99999", "65535"},
		{"s3://bucket?endpoint=https://host:", "65535"},
		{"s3://bucket?endpoint=http://minio:9000", "insecure=true"},
		{"s3://bucket?endpoint=http://minio:9000&insecure=false", "insecure=true"},
		{"s3://bucket?endpoint=http://169.254.169.254", "insecure=true"},
		{"s3://bucket?endpoint=http://127.0.0.1.example.org", "insecure=true"},
		{"s3://bucket?endpoint=http://localhost.example.org", "insecure=true"},
		{"s3://bucket?insecure=true", "only for an http endpoint"},
		{"s3://bucket?endpoint=https://host&insecure=true", "only for an http endpoint"},
	} {
		_, err := backends.ParseS3(tt.source)
		if !errors.Is(err, backends.ErrSource) {
			t.Errorf("%q: got %v, want an error that matches ErrSource", tt.source, err)
			continue
		}
		if msg := err.Error(); !strings.Contains(msg, tt.says) || strings.Contains(strings.ReplaceAll(msg, "AWS_SECRET_ACCESS_KEY", ""), "SECRET") || strings.Contains(msg, "\n") {
			t.Errorf("%q: the error is %q, want one line that says %q and no secret", tt.source, msg, tt.says)
		}
	}
}

func FuzzS3Source(f *testing.F) {
	for _, s := range []string{
		"s3://bucket/prefix?endpoint=http://127.0.0.1:7070&region=us-east-1&path_style=true",
		"s3://bucket/100%25%3F%23+é?anonymous=true&bucket_owner=123456789012",
		"s3://bucket?endpoint=http://[::1]:1&path_style=false",
		"s3://bucket?endpoint=http://minio:9000&insecure=true",
		"s3://k:s@bucket/../x?a=b#c", "s3://b%00/", "s3://bucket?%", "s3://bucket/..",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		s, err := backends.ParseS3(source)
		if err != nil {
			if !errors.Is(err, backends.ErrSource) || strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Fatalf("the error of %q is %q", source, err)
			}
			return
		}
		if s.Prefix != "" {
			if n, err := vfs.ParseName(s.Prefix); err != nil || n.String() != s.Prefix {
				t.Fatalf("%q has the prefix %q, which is not a valid name: %v", source, s.Prefix, err)
			}
		}
		if strings.HasPrefix(s.Endpoint, "http://") && !s.Insecure {
			host := strings.TrimPrefix(s.Endpoint, "http://")
			if !strings.HasPrefix(host, "127.") && !strings.HasPrefix(host, "localhost") && !strings.HasPrefix(host, "[") {
				t.Fatalf("%q: plain http to %s", source, host)
			}
		}
		again, err := backends.ParseS3(s.String())
		if err != nil {
			t.Fatalf("%q prints as %q, which cannot be parsed: %v", source, s, err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("%q prints as %q, which is another source:\n%s", source, s, diff)
		}
	})
}
