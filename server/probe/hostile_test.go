package probe_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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
