package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestCheck(t *testing.T) {
	answers := func(head int, list int, code string) func(w http.ResponseWriter, r *http.Request, _ int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case r.Method == http.MethodHead && head == 200, r.Method == http.MethodGet && list == 200:
				fmt.Fprint(w, "<ListBucketResult/>")
			case r.Method == http.MethodHead:
				sendError(w, r, head, "")
			default:
				sendError(w, r, list, code)
			}
		}
	}
	tests := []struct {
		what   string
		script func(w http.ResponseWriter, r *http.Request, _ int)
		want   string // in the error; "" for none
		calls  int
		kind   error // that it matches, nil for neither
	}{
		{"good", answers(200, 500, ""), "", 1, nil},
		{"no bucket", answers(404, 404, "NoSuchBucket"), `no bucket "the-bucket"`, 2, nil},
		{"wrong key, and HEAD finds nothing", answers(404, 403, "InvalidAccessKeyId"), "access key", 2, nil},
		{"HEAD finds nothing, for no reason", answers(404, 200, ""), "", 2, nil},
		{"wrong key", answers(403, 403, "InvalidAccessKeyId"), "access key", 2, nil},
		{"wrong secret", answers(403, 403, "SignatureDoesNotMatch"), "secret key does not match", 2, nil},
		{"old token", answers(400, 400, "ExpiredToken"), "session token", 2, nil},
		{"wrong clock", answers(403, 403, "RequestTimeTooSkewed"), "clock", 2, nil},
		{"no right", answers(403, 403, "AccessDenied"), "s3:ListBucket", 2, fs.ErrPermission},
		{"no right for HeadBucket alone", answers(403, 200, ""), "", 2, nil},
		{"other region", answers(301, 301, "PermanentRedirect"), "region", 1, nil},
		{"other region, malformed", answers(400, 400, "AuthorizationHeaderMalformed"), "region", 2, nil},
		{"down", answers(503, 503, "SlowDown"), "503", 1, vfs.ErrUnavailable},
	}
	for _, tt := range tests {
		s := newStub(t, tt.script)
		err := s.once(s3.Options{Prefix: "pre"}).Check(t.Context())
		if n := len(s.requests()); n != tt.calls {
			t.Errorf("%s: requests %q", tt.what, s.requests())
		}
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.what, err)
			}
			continue
		}
		checkLine(t, tt.what, err, tt.want)
		for _, kind := range []error{fs.ErrPermission, vfs.ErrUnavailable} {
			if errors.Is(err, kind) != (kind == tt.kind) {
				t.Errorf("%s: matches %v: %t", tt.what, kind, kind != tt.kind)
			}
		}
	}
}

func checkLine(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 250 {
		t.Errorf("%s: got %v, want one line with %q", what, err, want)
		return
	}
	for _, secret := range []string{"secret-key", "key-id", "Signature="} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v holds %q", what, err, secret)
		}
	}
}

func TestCheckWithoutService(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() })
	ctx, cancel := context.WithCancelCause(t.Context())
	b := s.once(s3.Options{})
	done := make(chan error)
	go func() { done <- b.Check(ctx) }()
	cancel(errors.New("too late"))
	checkLine(t, "canceled", <-done, "in time")

	s.Close()
	checkLine(t, "dead endpoint", s.once(s3.Options{}).Check(t.Context()), "cannot be reached")

	client, err := s3.NewClient(s3.ClientOptions{Region: "us-east-1", Endpoint: s.URL, Credentials: noCredentials{}})
	if err != nil {
		t.Fatal(err)
	}
	checkLine(t, "no credentials", newBackend(t, client, s3.Options{}).Check(t.Context()), "AWS_ACCESS_KEY_ID")
}
