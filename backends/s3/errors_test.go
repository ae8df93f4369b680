package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Each answer of S3 becomes one of a few errors, whose texts reveal nothing of it.
func TestErrors(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
		reason vfs.Reason
		stat   error // if different, since HEAD has no code
	}{
		{404, "NoSuchKey", fs.ErrNotExist, reason.Missing, nil},
		{404, "NoSuchVersion", fs.ErrNotExist, reason.Missing, nil},
		{404, "NoSuchBucket", vfs.ErrUnavailable, "", fs.ErrNotExist},
		{403, "AccessDenied", fs.ErrNotExist, reason.Permission, nil},
		{403, "InvalidObjectState", fs.ErrNotExist, reason.Permission, nil},
		{403, "InvalidAccessKeyId", vfs.ErrUnavailable, "", fs.ErrNotExist},
		{403, "SignatureDoesNotMatch", vfs.ErrUnavailable, "", fs.ErrNotExist},
		{403, "RequestTimeTooSkewed", vfs.ErrUnavailable, "", fs.ErrNotExist},
		{400, "KeyTooLongError", fs.ErrNotExist, reason.Unholdable, vfs.ErrFailed},
		{400, "InvalidURI", fs.ErrNotExist, reason.Unholdable, vfs.ErrFailed},
		{400, "XMinioInvalidObjectName", fs.ErrNotExist, reason.Unholdable, vfs.ErrFailed},
		{414, "RequestURITooLong", fs.ErrNotExist, reason.Unholdable, nil},
		{400, "InvalidArgument", vfs.ErrFailed, "", nil},
		{400, "InvalidRequest", vfs.ErrFailed, "", nil},
		{400, "KMS.DisabledException", vfs.ErrFailed, "", nil},
		{418, "", vfs.ErrFailed, "", nil},
		{400, "RequestTimeout", vfs.ErrUnavailable, "", vfs.ErrFailed},
		{401, "Unauthorized", vfs.ErrUnavailable, "", nil},
		{409, "OperationAborted", vfs.ErrUnavailable, "", nil},
		{400, "ExpiredToken", vfs.ErrUnavailable, "", vfs.ErrFailed},
		{400, "AuthorizationHeaderMalformed", vfs.ErrUnavailable, "", vfs.ErrFailed},
		{301, "PermanentRedirect", vfs.ErrUnavailable, "", nil},
		{405, "MethodNotAllowed", vfs.ErrUnsupported, "", nil},
		{501, "NotImplemented", vfs.ErrUnsupported, "", nil},
		{429, "TooManyRequests", vfs.ErrUnavailable, "", nil},
		{500, "InternalError", vfs.ErrUnavailable, "", nil},
		{503, "SlowDown", vfs.ErrUnavailable, "", nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.code), func(t *testing.T) {
			s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, tt.status, tt.code) })
			b := s.once(s3.Options{Prefix: "the-prefix"})
			_, err := b.Open(t.Context(), name("file"), vfs.Request{})
			checkError(t, s, "open", err, tt.want)
			if vfs.ReasonOf(err) != tt.reason {
				t.Errorf("Open: reason %q, want %q", vfs.ReasonOf(err), tt.reason)
			}
			var e *vfs.Error
			if errors.As(err, &e) && (!strings.Contains(e.Err.Error(), tt.code) || !strings.Contains(e.Err.Error(), requestID)) {
				t.Errorf("Err has no details for the operator: %v", e.Err)
			}
			want := tt.want
			if tt.stat != nil {
				want = tt.stat
			}
			_, err = b.Stat(t.Context(), name("file"), vfs.Request{})
			checkError(t, s, "stat", err, want)

			// No answer to a listing means that a directory is missing; whether it may
			// be listed is a different question.
			want = tt.want
			if want == fs.ErrNotExist && tt.reason != reason.Permission {
				want = vfs.ErrUnavailable
			}
			for _, err := range b.List(t.Context(), name("dir"), "") {
				checkError(t, s, "list", err, want)
			}
		})
	}
}

// MinIO sends in a header what the answer to a HEAD cannot contain in a body.
func TestCodeInHeader(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("X-Minio-Error-Code", "XMinioInvalidObjectName")
		sendError(w, r, 400, "")
	})
	_, err := s.once(s3.Options{}).Stat(t.Context(), name("file"), vfs.Request{})
	if vfs.ReasonOf(err) != reason.Unholdable {
		t.Errorf("got %v, reason %q", err, vfs.ReasonOf(err))
	}
}

// checkError checks the kind of an error, and that its text contains nothing from the
// service.
func checkError(t *testing.T, s *stub, op string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || errors.Is(err, fs.ErrNotExist) != (want == fs.ErrNotExist) {
		t.Errorf("%s: got %v, want %v", op, err, want)
		return
	}
	if _, ok := err.(*vfs.Error); !ok {
		t.Errorf("%s: got a %T", op, err)
	}
	for _, secret := range []string{bucket, "the-prefix", s.Listener.Addr().String(), requestID, "host-id", "Denied", "NoSuch", "S3", "aws", "key-id"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error reveals %q: %v", op, secret, err)
		}
	}
}

// An unreadable object cannot be distinguished from a missing one.
func TestForbiddenReadsAsMissing(t *testing.T) {
	answer := func(status int, code string) error {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, status, code) })
		_, err := s.backend(s3.Options{}).Open(t.Context(), name("file"), vfs.Request{})
		return err
	}
	if a, b := answer(403, "AccessDenied").Error(), answer(404, "NoSuchKey").Error(); a != b {
		t.Errorf("%q is not %q", a, b)
	}
}

func TestNoAnswer(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { panic(http.ErrAbortHandler) })
	b := s.once(s3.Options{Prefix: "the-prefix"})
	_, err := b.Open(t.Context(), name("file"), vfs.Request{})
	checkError(t, s, "open", err, vfs.ErrUnavailable)
	s.Close()
	_, err = b.Open(t.Context(), name("file"), vfs.Request{})
	checkError(t, s, "open", err, vfs.ErrUnavailable)
	var e *vfs.Error
	if errors.As(err, &e) && (!strings.Contains(e.Err.Error(), "connect") || strings.Contains(e.Err.Error(), "the-prefix")) {
		t.Errorf("for the operator: %v", e.Err)
	}
}

// A deadline is reported as the caller's, wherever it strikes.
func TestDeadline(t *testing.T) {
	started := make(chan struct{})
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		started <- struct{}{}
		<-r.Context().Done()
	})
	b := s.backend(s3.Options{})
	for what, call := range map[string]func(ctx context.Context) error{
		"Open": func(ctx context.Context) error { _, err := b.Open(ctx, name("file"), vfs.Request{}); return err },
		"Stat": func(ctx context.Context) error { _, err := b.Stat(ctx, name("file"), vfs.Request{}); return err },
		"List": func(ctx context.Context) (err error) {
			for _, err = range b.List(ctx, vfs.Root, "") {
			}
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-started
			cancel()
		}()
		if err := call(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// An answer that is not from S3, such as a proxy's page, is not trusted.
func TestNotS3(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(502)
		w.Write([]byte("<html>the-prefix is down</html>"))
	})
	b := s.once(s3.Options{Prefix: "the-prefix"})
	_, err := b.Open(t.Context(), name("file"), vfs.Request{})
	checkError(t, s, "open", err, vfs.ErrUnavailable)
	s = newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { w.Write([]byte("<html>welcome</html>")) })
	for _, err := range s.once(s3.Options{}).List(t.Context(), vfs.Root, "") {
		checkError(t, s, "list", err, vfs.ErrUnavailable)
	}
}

// An error's body has a bounded size and a bounded time.
func TestErrorBodyIsBounded(t *testing.T) {
	for what, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		},
		"stalled": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			w.WriteHeader(403)
			answer(w, r)
		})
		client := newClient(t, s.URL)
		quickTransport(client.Options().HTTPClient.(*http.Client)).ResponseHeaderTimeout = time.Second
		_, err := newBackend(t, apiOf(client), s3.Options{}).Open(t.Context(), name("file"), vfs.Request{})
		if vfs.ReasonOf(err) != reason.Permission {
			t.Errorf("%s: %v", what, err)
		}
	}
}
