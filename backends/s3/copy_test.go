package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A copy within the service is one request, which names the version. If the service
// refuses it, the bytes are copied instead. A lost answer is not a refusal.
func TestCopyFrom(t *testing.T) {
	for _, tt := range []struct {
		what   string
		status int
		code   string
		want   error
	}{
		{"copied", 200, "", nil},
		{"not implemented", 501, "NotImplemented", vfs.ErrUnsupported},
		{"forbidden", 403, "AccessDenied", vfs.ErrUnsupported},
		{"another version", 412, "PreconditionFailed", vfs.ErrUnsupported},
		{"gone", 404, "NoSuchKey", vfs.ErrUnsupported},
		{"busy", 503, "SlowDown", vfs.ErrUnavailable},
	} {
		var source, match, mtime string
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case r.Method != http.MethodPut:
				sendError(w, r, http.StatusNotFound, "")
			case tt.status != http.StatusOK:
				sendError(w, r, tt.status, tt.code)
			default:
				source, match, mtime = r.Header.Get("X-Amz-Copy-Source"), r.Header.Get("X-Amz-Copy-Source-If-Match"), r.Header.Get("X-Amz-Meta-Mtime")
				w.Write([]byte(`<CopyObjectResult><ETag>"new"</ETag></CopyObjectResult>`))
			}
		})
		b := s.once(s3.Options{Writable: true, Prefix: "pre fix"})
		from := vfs.Info{Name: name("a+b %/ф"), Size: 5, ETag: "old"}
		info, err := b.CopyFrom(t.Context(), name("to"), b, from, vfs.PutOptions{ContentTime: modified})
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
		if tt.want != nil {
			continue
		}
		if info.ETag != "new" || info.Size != 5 || !info.ContentTime.Equal(modified) {
			t.Errorf("%s: %+v", tt.what, info)
		}
		if !strings.HasSuffix(source, "/pre%20fix/a%2Bb%20%25/%D1%84") || match != `"old"` || mtime == "" {
			t.Errorf("%s: source %q, If-Match %q, mtime %q", tt.what, source, match, mtime)
		}
	}
	// Over 5 GiB, without an ETag, or under a condition, there is no request.
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { t.Errorf("%s %s", r.Method, r.URL) })
	b := s.once(s3.Options{Writable: true})
	for _, c := range []struct {
		from vfs.Info
		cond vfs.Cond
	}{
		{from: vfs.Info{Name: name("a"), Size: 6 << 30, ETag: "old"}},
		{from: vfs.Info{Name: name("a")}},
		{from: vfs.Info{Name: name("a"), ETag: "old"}, cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}},
	} {
		if _, err := b.CopyFrom(t.Context(), name("to"), b, c.from, vfs.PutOptions{Cond: c.cond}); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
