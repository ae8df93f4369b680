package s3

import (
	"fmt"
	"testing"
)

func TestParseContentRange(t *testing.T) {
	good := map[string]contentRange{
		"bytes 0-0/1":    {0, 0, 1},
		"bytes 2-5/10":   {2, 5, 10},
		"bytes 0--1/0":   {0, -1, 0}, // MinIO, of an empty object
		"bytes 9-9/10":   {9, 9, 10},
		"bytes 0-99/100": {0, 99, 100},
		"bytes 9223372036854775805-9223372036854775806/9223372036854775807": {1<<63 - 3, 1<<63 - 2, 1<<63 - 1},
	}
	for s, want := range good {
		if got, ok := parseContentRange(s); !ok || got != want {
			t.Errorf("%q: %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "bytes", "bytes ", "bytes 2-5", "bytes 2-5/", "bytes 2-5/*", "bytes */10", "bytes -5/10", "bytes 2-/10",
		"bytes 5-2/10", "bytes 2-10/10", "bytes 10-10/10", "bytes 0-0/0", "bytes 1--1/0", "bytes 0--1/1",
		"bytes=2-5/10", "Bytes 2-5/10", "bytes  2-5/10", "bytes 2-5/10 ", "bytes +2-5/10", "bytes 02-5/10", "bytes 2-5/0x10",
		"bytes 2-5/18446744073709551616", "bytes 0-9223372036854775807/9223372036854775808", "items 2-5/10", "bytes 2-5/10/10", "bytes 2-5-6/10",
	} {
		if got, ok := parseContentRange(s); ok {
			t.Errorf("%q: accepted as %v", s, got)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"bytes 2-5/10", "bytes 0--1/0", "bytes */10", "bytes 2-5/*", "bytes 00-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseContentRange(s)
		if !ok {
			return
		}
		if fmt.Sprintf("bytes %d-%d/%d", r.first, r.last, r.size) != s {
			t.Errorf("%q has a second spelling: %v", s, r)
		}
		if r.first < 0 || r.last >= r.size && r.size > 0 || r.last-r.first+1 < 0 || r.size > 0 && r.last < r.first {
			t.Errorf("%q: %v is not a part of an object", s, r)
		}
	})
}
