package httpheader_test

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// FuzzFilename checks that a formatted Content-Disposition is one line and parses to the
// same name, and that no header makes the parser panic or return an empty name.
func FuzzFilename(f *testing.F) {
	for _, s := range []string{"a.txt", "фото.jpg", "a\r\nb", `"\`, "%00%", "a;b=c", "a{b}", "\u202e", "", "..", `x="y\"z`, "filename*=UTF-8''%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		header := httpheader.FormatDisposition("attachment", s)
		if strings.ContainsAny(header, "\r\n") {
			t.Fatalf("%q", header)
		}
		want := vfs.SafeName(strings.NewReplacer("/", "_", `\`, "_").Replace(s), vfs.SafeNameOptions{}).String()
		if d := httpheader.ParseDisposition(header); d.Kind != "attachment" || !d.IsFile || d.Filename != want {
			t.Errorf("%q is formatted as %q and parsed as %+v, want %q", s, header, d, want)
		}
		if name := httpheader.CleanFilename(httpheader.ParseDisposition(s).Filename); name == "" || len(name) > 1024 {
			t.Errorf("%q is cleaned to %q", s, name)
		}
	})
}

func TestAcceptItems(t *testing.T) {
	for header, want := range map[string]map[string]httpheader.Quality{
		"":                                    {},
		"gzip":                                {"gzip": 1000},
		"gzip;q=0.5, br ; q=1.000, ,zstd;x=y": {"gzip": 500, "br": 1000, "zstd": 1000},
		"a;q=2, b;q=0.1234, c;q=-1, d;q=":     {"a": 0, "b": 0, "c": 0, "d": 0},
	} {
		got := maps.Collect(httpheader.AcceptItems([]string{header}))
		if !maps.Equal(got, want) {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
	if got := maps.Collect(httpheader.AcceptItems([]string{strings.Repeat("a,", 16<<10)})); len(got) > 0 {
		t.Errorf("a header of 32 KiB has %d items", len(got))
	}
}

// A malformed precondition is false for a write and ignored for a read.
func TestMalformedConditions(t *testing.T) {
	for _, header := range []string{"If-None-Match", "If-Unmodified-Since"} {
		for method, write := range map[string]bool{"GET": false, "PUT": true, "DELETE": true} {
			r := httptest.NewRequest(method, "/", nil)
			r.Header.Set(header, "nonsense")
			cond := httpheader.Conditions(r)
			if never := !cond.IfMatch.IsZero(); never != write {
				t.Errorf("%s with a malformed %s: %+v", method, header, cond)
			}
		}
	}
}
