package keyed_test

import (
	"fmt"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

func TestParseContentRange(t *testing.T) {
	good := map[string]keyed.ContentRange{
		"bytes 0-0/1":    {First: 0, Last: 0, Size: 1},
		"bytes 2-5/10":   {First: 2, Last: 5, Size: 10},
		"bytes 0--1/0":   {First: 0, Last: -1, Size: 0}, // MinIO, of an empty object
		"bytes 9-9/10":   {First: 9, Last: 9, Size: 10},
		"bytes 0-99/100": {First: 0, Last: 99, Size: 100},
		"bytes 9223372036854775805-9223372036854775806/9223372036854775807": {First: 1<<63 - 3, Last: 1<<63 - 2, Size: 1<<63 - 1},
	}
	for s, want := range good {
		if got, ok := keyed.ParseContentRange(s); !ok || got != want {
			t.Errorf("%q: %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "bytes", "bytes ", "bytes 2-5", "bytes 2-5/", "bytes 2-5/*", "bytes */10", "bytes -5/10", "bytes 2-/10",
		"bytes 5-2/10", "bytes 2-10/10", "bytes 10-10/10", "bytes 0-0/0", "bytes 1--1/0", "bytes 0--1/1",
		"bytes=2-5/10", "Bytes 2-5/10", "bytes  2-5/10", "bytes 2-5/10 ", "bytes +2-5/10", "bytes 02-5/10", "bytes 2-5/0x10",
		"bytes 2-5/18446744073709551616", "bytes 0-9223372036854775807/9223372036854775808", "items 2-5/10", "bytes 2-5/10/10", "bytes 2-5-6/10",
	} {
		if got, ok := keyed.ParseContentRange(s); ok {
			t.Errorf("%q: accepted as %v", s, got)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"bytes 2-5/10", "bytes 0--1/0", "bytes */10", "bytes 2-5/*", "bytes 00-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := keyed.ParseContentRange(s)
		if !ok {
			return
		}
		if fmt.Sprintf("bytes %d-%d/%d", r.First, r.Last, r.Size) != s {
			t.Errorf("%q has a second spelling: %v", s, r)
		}
		if r.First < 0 || r.Last >= r.Size && r.Size > 0 || r.Last-r.First+1 < 0 || r.Size > 0 && r.Last < r.First {
			t.Errorf("%q: %v is not a part of an object", s, r)
		}
	})
}
