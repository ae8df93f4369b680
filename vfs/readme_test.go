package vfs_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

var update = flag.Bool("update", false, "write README.md's table anew")

const readme = "../README.md"

// TestReadmeTable compares README's table with the attack table that it is
// made of.
func TestReadmeTable(t *testing.T) {
	const begin, end = "<!-- table:begin -->\n", "<!-- table:end -->"
	text := readReadme(t)
	head, rest, foundBegin := strings.Cut(text, begin)
	table, tail, foundEnd := strings.Cut(rest, end)
	if !foundBegin || !foundEnd {
		t.Fatalf("README.md lacks %q or %q", begin, end)
	}
	want := "\n" + strings.TrimSpace(vfstest.Table()) + "\n\n"
	if *update {
		if err := os.WriteFile(readme, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("README.md's table is not that of vfstest (-want +got); go test ./vfs -run TestReadmeTable -update writes it anew:\n%s", diff)
	}
}

// readmeProgram is what a reader has to write around README's code.
const readmeProgram = `package main

import (
	"context"
	"embed"
	"io"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func main() {
	b, err := backend("mem", embed.FS{})
	check(err)
	h, err := handler(b)
	check(err)
	_ = http.Handler(h)
	_, err = members(mem.New(), auth.NewChain(auth.ChainConfig{}), nil)
	check(err)
	jail, err := vfs.New(mem.New(), vfs.Policy{Allow: vfs.Patterns("**")})
	check(err)
	check(store(context.Background(), jail, "../../фото: 1.jpg", strings.NewReader("")))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
`

// TestReadmeCode builds README's Go code against this module and runs it.
func TestReadmeCode(t *testing.T) {
	code := blocks(readReadme(t), "go")
	if len(code) == 0 {
		t.Fatal("README.md has no Go code")
	}
	program := readmeProgram + "\n" + strings.Join(code, "\n")

	// An overlay puts the program into the module without touching the tree.
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(top, "cmd", "readme", "main.go"): source},
	})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlayFile, "./cmd/readme")
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("README.md's code: %v\n%s", err, out)
	}
}

func readReadme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	// A checkout on Windows may have changed the line ends.
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(text, "\n```"+language+"\n")
		if !ok {
			return found
		}
		block, after, ok := strings.Cut(rest, "\n```\n")
		if !ok {
			return found
		}
		found, text = append(found, block+"\n"), "\n"+after
	}
}
