package s3_test

import (
	"net/http"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An object that was stored compressed is reported as such; its transfer coding does
// not matter.
func TestStoredEncoding(t *testing.T) {
	for sent, want := range map[string]string{
		"": "", "gzip": "gzip", "aws-chunked": "", "aws-chunked,gzip": "gzip", "br, aws-chunked": "br",
	} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if sent != "" {
				w.Header().Set("Content-Encoding", sent)
			}
			send(w, r, "bytes", "tag")
		})
		b := s.once(s3.Options{})
		obj, _, err := fetch(t.Context(), b, vfs.Request{})
		if err != nil || obj.Info.Encoding != want {
			t.Errorf("%q: got %+v, %v, want %q", sent, obj, err, want)
		}
		info, err := b.Stat(t.Context(), name("a"), vfs.Request{})
		if err != nil || info.Encoding != want {
			t.Errorf("%q: Stat returned %q, %v", sent, info.Encoding, err)
		}
	}
}
