package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A GET of an object allocates a fixed number of times, whatever the object's size. The
// SDK alone took 441 allocations, without a transport.
func TestAllocations(t *testing.T) {
	for size, most := range map[int]float64{1000: 30, 1_000_000: 30} {
		data := numbers(size)
		client := newClient(t, "http://s3.example")
		client.Options().HTTPClient.(*http.Client).Transport = &instantTransport{data: data}
		b := newBackend(t, client, s3.Options{})
		buf := make([]byte, 64<<10)
		get := func() {
			obj, err := b.Open(t.Context(), name("file"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{obj.Body}, buf); n != int64(size) || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
			obj.Body.Close()
		}
		get()
		got := testing.AllocsPerRun(200, get)
		t.Logf("%d bytes: %v allocations", size, got)
		if got > most && !length.RaceDetector {
			t.Errorf("%d bytes: %v allocations, want at most %v", size, got, most)
		}
	}
}

// An instantTransport answers each request with the object. It allocates almost nothing
// itself.
type instantTransport struct{ data string }

func (tr *instantTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: int64(len(tr.data)),
		Header: http.Header{
			"Content-Length": {"0"}, // only its presence counts
			"Content-Type":   {"text/plain"},
			"Etag":           {stubTag},
			"Last-Modified":  {"Mon, 06 May 2024 07:08:09 GMT"},
		},
		Body: io.NopCloser(strings.NewReader(tr.data)),
	}, nil
}
