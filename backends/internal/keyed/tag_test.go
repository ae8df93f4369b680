package keyed_test

import (
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

func TestOpaqueTag(t *testing.T) {
	for tag, want := range map[string]string{
		`"abc"`: "abc", `""`: "", `"a-1"`: "a-1",
		"": "", `"`: "", "abc": "", `W/"abc"`: "", `"a"b"`: "", "\"a\nb\"": "", `"a b"`: "",
	} {
		if got := keyed.OpaqueTag(tag); got != want {
			t.Errorf("%q is read as %q, want %q", tag, got, want)
		}
	}
}

// TestStartAfter: a store that lists from the position on omits no entry after it.
func TestStartAfter(t *testing.T) {
	for _, tt := range []struct {
		after, want string
		limit       int
	}{
		{"", "", 10},
		{"a", "a", 10},
		{"a/", "a/\U0010ffff", 10},
		{"a/", "a/", 4},
		{"a\xffb", "a", 10},
		{"a\nb", "a", 10},
		{"abc", "ab", 2},
		{"abc", "", -1},
		{strings.Repeat("é", 3), "éé", 5}, // no half of a character
	} {
		got := keyed.StartAfter(tt.after, tt.limit)
		if got != tt.want {
			t.Errorf("StartAfter(%q, %d) is %q, want %q", tt.after, tt.limit, got, tt.want)
		}
	}
}
