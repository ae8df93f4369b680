package vfs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// found follows the pages of FindPage and returns the keys and the number of pages.
func found(t *testing.T, j *vfs.Jail, dir, text string, limit int) (keys []string, pages int) {
	t.Helper()
	for after := ""; pages < 1000; {
		p, err := j.FindPage(t.Context(), mustName(t, dir), text, after, limit)
		if err != nil {
			t.Fatalf("%s, %q after %q: %v", dir, text, after, err)
		}
		pages++
		for _, e := range p.Entries {
			keys = append(keys, e.Key())
		}
		if p.Next == "" {
			return keys, pages
		}
		if p.Next <= after {
			t.Fatalf("next %q after %q", p.Next, after)
		}
		after = p.Next
	}
	t.Fatalf("%s, %q: it does not end", dir, text)
	return nil, 0
}

func TestFindPage(t *testing.T) {
	names := []string{"d/Report.txt", "d/report-2.TXT", "d/a", "d/rep/x", "d/e\u0301te\u0301.txt", "d/\u00c9T\u00c9", "d/STRASSE", "d/stra\u00dfe", "d/hidden-report.key", "d/keys/report.key", "top"}
	j := mustJail(t, vfs.FromFS(mapFS(names...)), vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key")})
	for text, want := range map[string]string{
		"report":      "Report.txt report-2.TXT",
		"REP":         "Report.txt rep/ report-2.TXT",
		".txt":        "Report.txt e\u0301te\u0301.txt report-2.TXT",
		"\u00e9t":     "e\u0301te\u0301.txt \u00c9T\u00c9",
		"E\u0301T":    "e\u0301te\u0301.txt \u00c9T\u00c9",
		"ss":          "STRASSE stra\u00dfe",
		"hidden":      "",
		"key":         "",
		"/":           "",
		"rep/":        "",
		"\xff":        "",
		"*":           "",
		"":            "Report.txt STRASSE a e\u0301te\u0301.txt rep/ report-2.TXT stra\u00dfe \u00c9T\u00c9",
		"a\u0300\xc3": "",
	} {
		for limit := 1; limit <= 9; limit++ {
			if got, _ := found(t, j, "d", text, limit); !slices.Equal(got, strings.Fields(want)) {
				t.Errorf("%q, limit %d: %q, want %s", text, limit, got, want)
			}
		}
	}
	if got, _ := found(t, j, "d", strings.Repeat("r", 100_000), 1); got != nil {
		t.Errorf("a long text: %q", got)
	}
	// A directory without a match is still there; a missing one and one without anything
	// shown are not.
	for _, dir := range []string{"d/keys", "d/none", "d/a"} {
		if _, err := j.FindPage(t.Context(), mustName(t, dir), "report", "", 1); vfs.ReasonOf(err) != "missing" {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := mustJail(t, vfs.FromFS(mapFS(names...)), vfs.Policy{Allow: vfs.Patterns("*")}).FindPage(t.Context(), mustName(t, "d"), "report", "", 1); err == nil {
		t.Error("a hidden directory can be searched")
	}
}

// A linked directory is found under its own name, in its place.
func TestFindPageLinks(t *testing.T) {
	tree := map[string]string{"dir/x": "1", "img": "->dir", "img-a": "1", "imgx": "1", "other": "->dir", "key": "k", "imgkey": "->key"}
	for _, s := range linkTree(t, tree) {
		j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("key"), Symlinks: vfs.SymlinksInside})
		for limit := 1; limit <= 4; limit++ {
			if got, _ := found(t, j, ".", "IM", limit); !slices.Equal(got, []string{"img-a", "img/", "imgx"}) {
				t.Errorf("%s, limit %d: %q", s.name, limit, got)
			}
			if got, _ := found(t, j, ".", "-", limit); !slices.Equal(got, []string{"img-a"}) {
				t.Errorf("%s, limit %d: %q", s.name, limit, got)
			}
		}
	}
}

// On a remote backend, a page looks at 64,000 names at most, and the next one goes on there.
// No page ends at a name that is hidden.
func TestFindPageBound(t *testing.T) {
	tree := map[string]string{"d/z-match": "", "secret/z": ""}
	for i := range 70_000 {
		tree[fmt.Sprintf("d/f%05d", i)] = ""
		tree[fmt.Sprintf("secret/f%05d.key", i)] = ""
	}
	b, err := mem.FromMap(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, remotely := range []bool{false, true} {
		var backend vfs.Backend = b
		r := &remote{Backend: b}
		if remotely {
			backend = r
		}
		j := mustJail(t, backend, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key")})
		got, pages := found(t, j, "d", "MATCH", 10)
		if !slices.Equal(got, []string{"z-match"}) || pages != map[bool]int{false: 1, true: 2}[remotely] || r.requests > 80 {
			t.Errorf("remote %t: %q in %d pages, %d requests", remotely, got, pages, r.requests)
		}
		p, err := j.FindPage(t.Context(), mustName(t, "secret"), "match", "", 10)
		if remotely != errors.Is(err, vfs.ErrListBound) || p.Next != "" {
			t.Errorf("remote %t, only hidden names: %+v %v", remotely, p, err)
		}
	}
}
