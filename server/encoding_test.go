package server_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// coded is a backend whose only object is stored with a content coding.
type coded struct {
	vfs.Backend
	coding string
}

func (c coded) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	const data = "coded bytes"
	info := vfs.Info{Name: n, Size: int64(len(data)), ETag: "t", Encoding: c.coding}
	return &vfs.Object{Info: info, Span: vfs.Span{Length: info.Size}, Body: io.NopCloser(strings.NewReader(data))}, nil
}

// An object that is stored compressed is sent as it is, with Content-Encoding. An unknown
// coding is not passed on, since it could be any string.
func TestStoredEncodingIsPassedOn(t *testing.T) {
	for coding, want := range map[string]string{"": "", "gzip": "gzip", "BR": "br", "zstd": "zstd", "x\r\ny: z": "", "gzip, gzip": ""} {
		jail, err := vfs.New(coded{vfs.FromFS(nil), coding}, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		server.New(jail, server.Config{}).ServeHTTP(w, httptest.NewRequest("GET", "/a.html", nil))
		if got := w.Header().Get("Content-Encoding"); got != want || w.Body.String() != "coded bytes" {
			t.Errorf("%q: Content-Encoding %q, body %q", coding, got, w.Body)
		}
	}
}
