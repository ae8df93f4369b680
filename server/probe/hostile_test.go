package probe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// A server may write what looks like a token. It is attacked to the end.
func TestHostileTokens(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	token := "bwp-" + strings.TrimPrefix(tree.Name(), "bailiwick-probe-") + "-"
	texts := []string{token, token + token, token + "-001", token + "+001", token + "0x1f", token + "9999", token + "1e10", token + "00\x00\x00"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		const alphabet = "0123456789-+_. \xffbwpx"
		text := token
		for range random.IntN(8) {
			text += string(alphabet[random.IntN(len(alphabet))])
		}
		texts = append(texts, text)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Join(texts, "\n"))
	}))
	defer srv.Close()
	if report, err := probe.Run(t.Context(), srv.URL, tree, probe.Options{Skip: []probe.Kind{probe.Hang}}); err != nil || report.Requests == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A file that merely has the token of a canary in it is somebody's.
func TestRemoveOtherContent(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	canaries, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "www-canary-*"))
	if err != nil || len(canaries) != 1 {
		t.Fatalf("%q, %v", canaries, err)
	}
	planted, err := os.ReadFile(canaries[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"we found " + string(planted), string(planted) + "\n", string(planted[:len(planted)-1]) + "!"} {
		if err := os.WriteFile(canaries[0], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := tree.Remove(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadFile(canaries[0]); err != nil || string(left) != text {
			t.Errorf("%q became %q, %v", text, left, err)
		}
	}
	if err := os.WriteFile(canaries[0], planted, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); err != nil || tree.Present() {
		t.Errorf("%v, something is left: %v", err, tree.Present())
	}
}

// On another machine nothing is there to remove, and that is an error.
func TestRemoveElsewhere(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is missing: %v", err)
	}
	if err := os.Rename(moved, dir); err != nil {
		t.Fatal(err)
	}
	if !tree.Present() {
		t.Error("the tree is not present")
	}
	if err := tree.Remove(); err != nil || tree.Present() {
		t.Errorf("%v, something is left: %v", err, tree.Present())
	}
}

// A description that somebody has changed is refused: it says what is removed, and what is
// sent.
func TestLoadRefusesHostile(t *testing.T) {
	dir, _ := served(t, "**")
	rules := probe.Rules{Allow: []string{"**/*.html", "docs/**"}, Deny: []string{"drafts"}}
	tree, err := probe.Plant(dir, rules)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	var saved bytes.Buffer
	if err := tree.Save(&saved); err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	first := func(m object, key string) object { return m[key].([]any)[0].(object) }
	own := tree.Name() + "/"
	for what, change := range map[string]func(m object){
		"nothing":                  nil,
		"a file above":             func(m object) { first(m, "files")["name"] = own + "../x" },
		"a file elsewhere":         func(m object) { first(m, "files")["name"] = "x" },
		"a rooted file":            func(m object) { first(m, "files")["name"] = "/etc/passwd" },
		"a link above":             func(m object) { m["links"] = []string{own + "../../x"} },
		"a link elsewhere":         func(m object) { m["links"] = []string{"x"} },
		"a FIFO elsewhere":         func(m object) { m["fifo"] = "x" },
		"another FIFO":             func(m object) { m["fifo"] = own + "other" },
		"a shape elsewhere":        func(m object) { m["shape"].(object)["prefix"] = "x/" },
		"a shape above":            func(m object) { m["shape"].(object)["prefix"] = own + "../" },
		"a suffix with a slash":    func(m object) { m["shape"].(object)["suffix"] = "/x" },
		"a suffix that is a line":  func(m object) { m["shape"].(object)["suffix"] = " HTTP/1.1\r\nX: y\r\n\r\n" },
		"a raw line":               func(m object) { first(m, "files")["raw"] = "x HTTP/1.1\r\nHost: other\r\n\r\n" },
		"a raw space":              func(m object) { first(m, "files")["raw"] = "a b" },
		"raw bytes":                func(m object) { first(m, "files")["raw"] = "\u00e4" },
		"another's canary":         func(m object) { first(m, "outside")["path"] = "/etc/passwd" },
		"a canary of another tree": func(m object) { first(m, "outside")["path"] = "/srv/www-canary-00000000.txt" },
		"a relative canary":        func(m object) { first(m, "outside")["path"] = "x-" + m["secret"].(string) + ".txt" },
		"another place":            func(m object) { first(m, "outside")["place"] = "here" },
		"too many canaries": func(m object) {
			all := m["outside"].([]any)
			m["outside"] = append(all, all...)
		},
		"a relative directory": func(m object) { m["dir"] = "www" },
		"no directory":         func(m object) { m["dir"] = "" },
		"the twin is itself":   func(m object) { m["twin"] = m["secret"] },
	} {
		var m object
		if err := json.Unmarshal(saved.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(m)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := probe.Load(bytes.NewReader(text)); errors.Is(err, probe.ErrNotATree) != (change != nil) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A directory whose name has special characters gives requests that a server accepts.
func TestSpecialDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	var mu sync.Mutex
	asked := map[string]bool{}
	files := http.FileServer(http.Dir(dir))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, _, _ := strings.Cut(r.RequestURI, "-canary-")
		mu.Lock()
		asked[before] = true
		mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	defer srv.Close()
	if _, err := probe.Run(t.Context(), srv.URL, tree, probe.Options{Skip: []probe.Kind{probe.Hang, probe.Oracle}}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"/../a%20b", "/%2e%2e/a%20b"} {
		if !asked[want] {
			t.Errorf("nothing asks for %s", want)
		}
	}
}
