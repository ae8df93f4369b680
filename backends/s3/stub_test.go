package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A stub is an HTTP server that gives answers that no real server can be made to give.
// It counts requests and connections.
type stub struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	seen   []*http.Request
	dials  int
	script func(w http.ResponseWriter, r *http.Request, i int)
}

// newStub starts a stub. script answers request number i, from 0.
func newStub(t *testing.T, script func(w http.ResponseWriter, r *http.Request, i int)) *stub {
	s := &stub{t: t, script: script}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.dials++
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *stub) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	i := len(s.seen)
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	s.script(w, r, i)
}

// requests returns the method and range of every request so far.
func (s *stub) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, r := range s.seen {
		list = append(list, strings.TrimSpace(r.Method+" "+r.Header.Get("Range")))
	}
	return list
}

func (s *stub) request(i int) *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[i]
}

func (s *stub) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

func newClient(t testing.TB, endpoint string) *s3.Client {
	t.Helper()
	client, err := s3.NewClient(s3.ClientOptions{
		Region:      "us-east-1",
		Endpoint:    endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("key-id", "secret-key", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (s *stub) backend(opts s3.Options) *s3.Backend {
	s.t.Helper()
	return newBackend(s.t, apiOf(newClient(s.t, s.URL)), opts)
}

// once is backend with a client that does not retry, which would take time.
func (s *stub) once(opts s3.Options) *s3.Backend {
	s.t.Helper()
	return newBackend(s.t, apiOf(newClient(s.t, s.URL).WithoutRetries()), opts)
}

const stubTag = `"0123456789abcdef0123456789abcdef"`

// send answers with the ETag and with data, or the part of it that r requests.
func send(w http.ResponseWriter, r *http.Request, data, tag string) {
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Last-Modified", modified.Format(http.TimeFormat))
	h.Set("Content-Type", "text/plain")
	size := int64(len(data))
	if header := r.Header.Get("Range"); header != "" {
		first, last, ok := cutRange(header, size)
		if !ok {
			sendError(w, r, 416, "InvalidRange")
			return
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
		data = data[first : last+1]
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if h.Get("Content-Range") != "" {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method != http.MethodHead {
		io.WriteString(w, data)
	}
}

// sendCut announces data and breaks off after n bytes.
func sendCut(w http.ResponseWriter, data, tag string, n int) {
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	io.WriteString(w, data[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

const requestID = "4442587FB7D0A2F9"

func sendError(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("X-Amz-Request-Id", requestID)
	w.Header().Set("X-Amz-Id-2", "host-id-of-the-service")
	w.WriteHeader(status)
	if r.Method != http.MethodHead && status != http.StatusNotModified {
		fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>about %s</Message><RequestId>%s</RequestId></Error>`, code, bucket, requestID)
	}
}

func name(s string) vfs.Name {
	n, err := vfs.ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// fetch opens the object "file" and reads it completely.
func fetch(ctx context.Context, b vfs.Backend, req vfs.Request) (*vfs.Object, string, error) {
	obj, err := b.Open(ctx, name("file"), req)
	if err != nil {
		return nil, "", err
	}
	data, err := io.ReadAll(obj.Body)
	return obj, string(data), errors.Join(err, obj.Body.Close())
}

// numbers returns n bytes in which any shifted or repeated part is detectable.
func numbers(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()[:n]
}

func TestConnectionsAreReused(t *testing.T) {
	data := numbers(100_000)
	answer := func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/missing"):
			sendError(w, r, 404, "NoSuchKey")
		case r.Header.Get("If-None-Match") != "":
			sendError(w, r, 304, "")
		default:
			send(w, r, data, stubTag)
		}
	}
	tag := vfs.Tag{Value: strings.Trim(stubTag, `"`), Set: true}
	for what, do := range map[string]func(b *s3.Backend, i int) error{
		"ranges": func(b *s3.Backend, i int) error {
			_, got, err := fetch(t.Context(), b, vfs.Request{Range: vfs.RangeBetween(int64(i), int64(i+50_000))})
			if err == nil && got != data[i:i+50_001] {
				return errors.New("other bytes")
			}
			return err
		},
		"missing": func(b *s3.Backend, i int) error {
			if _, err := b.Open(t.Context(), name("missing"), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
				return fmt.Errorf("got %v", err)
			}
			return nil
		},
		"not modified": func(b *s3.Backend, i int) error {
			if _, _, err := fetch(t.Context(), b, vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{List: []vfs.Tag{tag}}}}); !errors.Is(err, vfs.ErrNotModified) {
				return fmt.Errorf("got %v", err)
			}
			return nil
		},
		"unsatisfiable": func(b *s3.Backend, i int) error {
			if _, _, err := fetch(t.Context(), b, vfs.Request{Range: vfs.RangeFrom(1 << 40)}); !errors.Is(err, vfs.ErrRange) {
				return fmt.Errorf("got %v", err)
			}
			return nil
		},
		"small bodies closed unread": func(b *s3.Backend, i int) error {
			obj, err := b.Open(t.Context(), name("file"), vfs.Request{Range: vfs.RangeSuffix(1000)})
			if err != nil {
				return err
			}
			return obj.Body.Close()
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStub(t, answer)
			b := s.backend(s3.Options{})
			for i := range 100 {
				if err := do(b, i); err != nil {
					t.Fatal(err)
				}
			}
			if n := s.connections(); n > 2 {
				t.Errorf("%d connections for 100 sequential calls, want at most 2", n)
			}
		})
	}
}

func TestBrokenStreamIsResumed(t *testing.T) {
	data := numbers(300_000)
	for _, cut := range []int{0, 1, 100_000, len(data) - 40_000, len(data) - 20_000, len(data) - 1} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, i int) {
			if i == 0 {
				w.Header().Set("X-Amz-Version-Id", "v1")
				sendCut(w, data, stubTag, cut)
			}
			send(w, r, data, stubTag)
		})
		_, got, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{})
		if err != nil || got != data {
			t.Errorf("cut after %d: %d bytes, %v", cut, len(got), err)
			continue
		}
		if want := []string{"GET", fmt.Sprintf("GET bytes=%d-%d", cut, len(data)-1)}; !slices.Equal(s.requests(), want) {
			t.Errorf("cut after %d: requests %q, want %q", cut, s.requests(), want)
		}
		again := s.request(1)
		if again.Header.Get("If-Match") != stubTag || again.URL.Query().Get("versionId") != "v1" {
			t.Errorf("cut after %d: the rest was requested with If-Match %q, version %q", cut, again.Header.Get("If-Match"), again.URL.Query().Get("versionId"))
		}
	}
}

// A body that cannot be completed fails before its last bytes.
func TestBadBodyNeverEndsNormally(t *testing.T) {
	const cut = 100_000
	data := numbers(300_000)
	other := strings.Repeat("x", len(data))
	tests := []struct {
		what   string
		resume func(w http.ResponseWriter, r *http.Request, i int)
		want   error
	}{
		{"412", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 412, "PreconditionFailed") }, vfs.ErrChanged},
		{"404", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 404, "NoSuchKey") }, vfs.ErrChanged},
		{"416", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 416, "InvalidRange") }, vfs.ErrChanged},
		{"403", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 403, "AccessDenied") }, vfs.ErrChanged},
		{"200", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Del("Range")
			send(w, r, other, stubTag)
		}, vfs.ErrChanged},
		{"another tag", func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, other, `"other"`) }, vfs.ErrChanged},
		{"another size", func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, other+"x", stubTag) }, vfs.ErrChanged},
		{"another first byte", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-", cut+1))
			send(w, r, other, stubTag)
		}, vfs.ErrChanged},
		{"another last byte", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", cut, len(data)-2))
			send(w, r, other, stubTag)
		}, vfs.ErrChanged},
		{"cut repeatedly", func(w http.ResponseWriter, r *http.Request, i int) {
			first, _, _ := cutRange(r.Header.Get("Range"), int64(len(data)))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(data)-1, len(data)))
			w.Header().Set("Content-Length", strconv.FormatInt(int64(len(data))-first, 10))
			w.Header().Set("ETag", stubTag)
			w.WriteHeader(206)
			io.WriteString(w, data[first:first+10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, vfs.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, func(w http.ResponseWriter, r *http.Request, i int) {
				if i == 0 {
					sendCut(w, data, stubTag, cut)
				}
				tt.resume(w, r, i)
			})
			_, got, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{})
			if !errors.Is(err, tt.want) || errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !strings.HasPrefix(data, got) || len(got) > len(data)-32<<10 {
				t.Errorf("%d bytes were yielded that are not the beginning, or too many", len(got))
			}
			if n := len(s.requests()); n > 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
	t.Run("no ETag to resume by", func(t *testing.T) {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { sendCut(w, data, "", cut) })
		if _, _, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) || len(s.requests()) != 1 {
			t.Errorf("got %v after %q", err, s.requests())
		}
	})
}

// The checksum shows only after the last byte, when a small object has already arrived
// completely.
func TestWrongChecksum(t *testing.T) {
	for _, size := range []int{1000, 32 << 10, 100_000} {
		data := numbers(size)
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" {
				t.Error("no checksum was requested")
			}
			w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
			send(w, r, data, stubTag)
		})
		_, got, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{})
		if !errors.Is(err, vfs.ErrChanged) || len(got) != max(0, size-32<<10) {
			t.Errorf("%d bytes: %d were yielded, then %v", size, len(got), err)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d bytes: %d requests: a retry cannot correct it", size, n)
		}
	}
}

func TestBursts(t *testing.T) {
	slowDown := func(n int) *stub {
		return newStub(t, func(w http.ResponseWriter, r *http.Request, i int) {
			if i < n {
				sendError(w, r, 503, "SlowDown")
				return
			}
			send(w, r, "data", stubTag)
		})
	}
	if _, got, err := fetch(t.Context(), slowDown(2).backend(s3.Options{}), vfs.Request{}); got != "data" || err != nil {
		t.Errorf("after two refusals: %q, %v", got, err)
	}
	s := slowDown(1000)
	if _, _, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) || len(s.requests()) != 3 {
		t.Errorf("refused forever: %v after %d requests", err, len(s.requests()))
	}
}

// When the client disconnects, the transfer ends.
func TestCancelReachesService(t *testing.T) {
	data := numbers(300_000)
	gone := make(chan struct{})
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("ETag", stubTag)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		io.WriteString(w, data[:100_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	obj, err := s.backend(s3.Options{}).Open(ctx, name("file"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if _, err := io.ReadFull(obj.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	if _, err := io.Copy(io.Discard, obj.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("continuing to read gives %v", err)
	}
}

// A redirect is not followed: it would lead to a host that nobody configured.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, "elsewhere", stubTag) })
	for _, status := range []int{301, 302, 307, 308} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Location", elsewhere.URL+r.URL.Path)
			sendError(w, r, status, "PermanentRedirect")
		})
		if _, got, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("%d: %q, %v", status, got, err)
		}
	}
	if n := elsewhere.connections(); n != 0 {
		t.Errorf("%d connections to the redirect's target", n)
	}
}
