package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

type sortedPage struct {
	Entries []struct{ Name string }
	Sorted  *bool
	Next    string
}

func listJSON(t *testing.T, h http.Handler, target string) (p sortedPage, names []string) {
	t.Helper()
	r := request(t, h, "GET", target, "Accept", "application/json")
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Status != 200 {
		t.Fatalf("%s: %d %.200q %v", target, r.Status, r.Body, err)
	}
	for _, e := range p.Entries {
		names = append(names, e.Name)
	}
	return p, names
}

// allNames follows next from target, whose query must not be empty, and returns the names of
// all pages. changed is called between them.
func allNames(t *testing.T, h http.Handler, target string, changed func()) (names []string) {
	t.Helper()
	for after, pages := "", 0; pages < 100; pages++ {
		p, page := listJSON(t, h, target+"&after="+url.QueryEscape(after))
		names = append(names, page...)
		if after = p.Next; after == "" {
			return names
		}
		changed()
	}
	t.Fatalf("%s: it does not end", target)
	return nil
}

func sortable() fstest.MapFS {
	at := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
	return fstest.MapFS{
		"d/big.txt":     {Data: []byte("12345678"), ModTime: at(2)},
		"d/a.txt":       {Data: []byte("123"), ModTime: at(9)},
		"d/same.txt":    {Data: []byte("123"), ModTime: at(1)},
		"d/0":           {ModTime: at(5)},
		"d/timeless":    {Data: []byte("1")},
		"d/12:/x.txt":   {Data: []byte("1234"), ModTime: at(3)},
		"d/zz/x.txt":    {Data: []byte("1234"), ModTime: at(3)},
		"d/hidden.html": {Data: []byte("12"), ModTime: at(4)},
		"few/a.txt":     {},
	}
}

// TestSortedListing: each order, in pages of each size, with nothing lost or repeated, and
// with directories first.
func TestSortedListing(t *testing.T) {
	h := server.New(jailOver(t, vfs.FromFS(sortable()), vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/hidden*")}), server.Config{List: true})
	for query, want := range map[string]string{
		"sort=name":              "0 12: a.txt big.txt same.txt timeless zz",
		"sort=name&order=asc":    "0 12: a.txt big.txt same.txt timeless zz",
		"sort=name&order=desc":   "zz timeless same.txt big.txt a.txt 12: 0",
		"sort=size":              "12: zz 0 timeless a.txt same.txt big.txt",
		"sort=size&order=desc":   "big.txt same.txt a.txt timeless 0 zz 12:",
		"sort=modified":          "12: timeless zz same.txt big.txt 0 a.txt",
		"sort=size&order=up":     "12: zz 0 timeless a.txt same.txt big.txt",
		"sort=modified&order=":   "12: timeless zz same.txt big.txt 0 a.txt",
		"sort=size&after=%2F":    "12: zz 0 timeless a.txt same.txt big.txt",
		"sort=size&after=%2Fx%2": "12: zz 0 timeless a.txt same.txt big.txt",
	} {
		if p, got := listJSON(t, h, "/d/?"+query); p.Sorted == nil || !*p.Sorted || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %s", query, got, want)
		}
		if strings.Contains(query, "after") {
			continue
		}
		for limit := 1; limit <= 8; limit++ {
			if got := allNames(t, h, fmt.Sprintf("/d/?%s&limit=%d", query, limit), func() {}); !slices.Equal(got, strings.Fields(want)) {
				t.Errorf("%s, limit %d: %q, want %s", query, limit, got, want)
			}
		}
	}
	// An order that does not exist is none.
	for _, query := range []string{"", "?sort=", "?sort=x", "?order=desc", "?sort=SIZE&order=desc", "?after=%2F-1%2Fa.txt"} {
		if p, got := listJSON(t, h, "/d/"+query); p.Sorted != nil || strings.Join(got, " ") != "0 12: a.txt big.txt same.txt timeless zz" {
			t.Errorf("%q: %q, %v", query, got, p.Sorted)
		}
	}
}

// TestSortedListingChanges: what is neither added nor removed is on one page, even if the last
// entry of the page before is gone.
func TestSortedListingChanges(t *testing.T) {
	for _, query := range []string{"sort=size", "sort=size&order=desc", "sort=name&order=desc", "sort=modified"} {
		tree := sortable()
		h := server.New(jailOver(t, vfs.FromFS(tree), allow("**")), server.Config{List: true})
		got := allNames(t, h, "/d/?limit=1&"+query, func() {
			delete(tree, "d/same.txt")
			tree["d/new.txt"] = &fstest.MapFile{}
		})
		for _, name := range []string{"12:", "zz", "0", "timeless", "a.txt", "big.txt"} {
			if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != name })); n != 1 {
				t.Errorf("%s: %s is there %d times in %q", query, name, n, got)
			}
		}
	}
}

// TestSortBound: 10,000 visible entries are sorted, however many are hidden. More are not, and
// the answer says so; its pages still have each entry once.
func TestSortBound(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 10_000 {
		tree[fmt.Sprintf("many/f%05d", i)] = &fstest.MapFile{Data: make([]byte, (i*7)%10)}
	}
	for i := range 50 {
		tree[fmt.Sprintf("many/a%05d.hidden", i)] = &fstest.MapFile{}
	}
	h := server.New(jailOver(t, vfs.FromFS(tree), vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.hidden")}), server.Config{List: true})
	if p, got := listJSON(t, h, "/many/?sort=size&order=desc"); !*p.Sorted || len(got) != 1000 || got[0] != "f09997" || p.Next == "" {
		t.Errorf("at the bound: sorted %v, %d entries from %s, next %q", *p.Sorted, len(got), got[0], p.Next)
	}
	position := "/9/f09997"
	tree["many/more"] = &fstest.MapFile{}
	for _, query := range []string{"sort=size", "sort=modified", "sort=name&order=desc", "sort=size&after=" + url.QueryEscape(position)} {
		if p, got := listJSON(t, h, "/many/?"+query); *p.Sorted || len(got) != 1000 || got[0] != "f00000" || p.Next != "f00999" {
			t.Errorf("%s: sorted %v, %d entries from %s, next %q", query, *p.Sorted, len(got), got[0], p.Next)
		}
	}
	if p, _ := listJSON(t, h, "/many/?sort=name"); !*p.Sorted || p.Next != "f00999" {
		t.Errorf("by name: sorted %v, next %q", *p.Sorted, p.Next)
	}
	if got := allNames(t, h, "/many/?sort=size&limit=3000", func() {}); len(got) != 10_001 || !slices.IsSorted(got) {
		t.Errorf("%d names, sorted %v", len(got), slices.IsSorted(got))
	}
	if r := request(t, h, "GET", "/many/?sort=size", "Accept", "text/html"); !strings.Contains(r.Body, "too many entries to sort") || strings.Contains(r.Body, `aria-sort="`) {
		t.Error("the HTML page does not tell that it is not sorted")
	}
}

// TestSortLinks: the headings of the HTML page lead to its other orders, and each to the
// reverse of its own.
func TestSortLinks(t *testing.T) {
	h := server.New(jailOver(t, vfs.FromFS(sortable()), allow("d/**")), server.Config{List: true})
	heading := regexp.MustCompile(`<th scope="col"(?: class="n")?(?: aria-sort="(\w+)")?><a href="([^"]*)" rel="nofollow">(\w+)`)
	for query, want := range map[string]string{
		"":                                "Name ascending ?order=desc&amp;sort=name, Size  ?sort=size, Modified  ?sort=modified",
		"?sort=name&order=desc":           "Name descending ?sort=name, Size  ?sort=size, Modified  ?sort=modified",
		"?sort=size&limit=2":              "Name  ?limit=2&amp;sort=name, Size ascending ?limit=2&amp;order=desc&amp;sort=size, Modified  ?limit=2&amp;sort=modified",
		"?sort=modified&order=desc&x=%22": "Name  ?sort=name, Size  ?sort=size, Modified descending ?sort=modified",
	} {
		r := request(t, h, "GET", "/d/"+query)
		var got []string
		for _, m := range heading.FindAllStringSubmatch(r.Body, -1) {
			got = append(got, m[3]+" "+m[1]+" "+m[2])
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %q, want %s", query, got, want)
		}
	}
	r := request(t, h, "GET", "/d/?sort=size&order=desc&limit=1")
	if want := `<?after=%2F8%2Fbig.txt&limit=1&order=desc&sort=size>; rel="next"`; r.Header.Get("Link") != want {
		t.Errorf("Link %q, want %s", r.Header.Get("Link"), want)
	}
}
