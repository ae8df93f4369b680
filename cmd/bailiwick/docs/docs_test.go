package docs_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

var update = flag.Bool("update", false, "write the table of hostile requests anew")

// top is the module's directory.
const top = "../../.."

// TestHostileRequests compares the table in rules.md with the attack table that it
// is generated from.
func TestHostileRequests(t *testing.T) {
	const begin, end = "<!-- table:begin -->\n", "<!-- table:end -->"
	text := read(t, "rules.md")
	head, rest, foundBegin := strings.Cut(text, begin)
	table, tail, foundEnd := strings.Cut(rest, end)
	if !foundBegin || !foundEnd {
		t.Fatalf("rules.md lacks %q or %q", begin, end)
	}
	want := "\n" + strings.TrimSpace(vfstest.Table()) + "\n\n"
	if *update {
		if err := os.WriteFile("rules.md", []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the table in rules.md is not that of vfstest (-want +got); go test ./cmd/bailiwick/docs -run TestHostileRequests -update writes it anew:\n%s", diff)
	}
}

// TestReadmeIsShort holds README.md to what a stranger reads.
func TestReadmeIsShort(t *testing.T) {
	if n := len(read(t, top+"/README.md")); n > 10_000 {
		t.Errorf("README.md has %d bytes: at most 10,000; move details to the guide", n)
	}
}

// TestLinks follows the relative links of all pages.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	more, _ := filepath.Glob(top + "/.github/*.md")
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, page := range append(append(pages, more...), top+"/README.md") {
		for _, found := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, fragment, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			info, err := os.Stat(file)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
				continue
			}
			if fragment != "" && !info.IsDir() && !anchors(read(t, file))[fragment] {
				t.Errorf("%s links to %s: no such heading", page, found[1])
			}
		}
	}
}

// anchors returns the fragments that the headings of a page get.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	drop := regexp.MustCompile("[^a-z0-9 _-]")
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			slug := drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			found[strings.ReplaceAll(slug, " ", "-")] = true
		}
	}
	return found
}

// TestPromises looks for the tests that security.md names beside each promise.
func TestPromises(t *testing.T) {
	promises := 0
	test := regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9_]+)`")
	for line := range strings.Lines(read(t, "security.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise") {
			continue
		}
		promises++
		named := test.FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("no test stands beside this promise: %s", line)
		}
		for _, n := range named {
			if !declares(t, path.Join(top, n[1]), n[2]) {
				t.Errorf("there is no %s in %s, which is to prove: %s", n[2], n[1], line)
			}
		}
	}
	if promises < 10 {
		t.Errorf("security.md has %d promises in its table", promises)
	}
}

func declares(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(read(t, file), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}

// The code of a page is a part of a program; this is the rest of it.
var programs = map[string]string{
	top + "/README.md": `package main

import (
	"net/http"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func main() {
	_, err := handler() // there is no /srv/site, perhaps
	_ = err
}
`,
	// The handler is attacked.
	"probe.md": `package main

import (
	"context"
	"io/fs"
	"log"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/servertest"
)

func main() {
	dir, err := os.MkdirTemp("", "page-")
	check(err)
	defer os.RemoveAll(dir)
	var root *os.Root
	report, err := servertest.Attack(context.Background(), dir, func(dir string) http.Handler {
		root, err = os.OpenRoot(dir)
		check(err)
		return files(root, noDotfiles)
	}, servertest.Options{})
	check(err)
	root.Close()
	for _, result := range report.Results {
		if len(result.Findings) > 0 {
			log.Fatalf("%+v", result)
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
`,
	"library.md": `package main

import (
	"context"
	"embed"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/limit"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/retry"
	"github.com/bailiwick-fs/bailiwick/backends/layer/timeout"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func main() {
	_, err := backend("mem", embed.FS{})
	check(err)
	_, err = members(mem.New(), auth.NewChain(auth.ChainConfig{}), nil)
	check(err)
	_, err = site(mem.New(), mem.New())
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
`,
}

// TestCode builds the Go code of the pages against this module and runs it.
func TestCode(t *testing.T) {
	for page, program := range programs {
		code := blocks(read(t, page), "go")
		if len(code) == 0 {
			t.Errorf("%s has no Go code", page)
		}
		run(t, page, program+"\n"+strings.Join(code, "\n"))
	}
}

// run runs a program as a package of this module, which an overlay puts there
// without touching the tree.
func run(t *testing.T, page, program string) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(module, "cmd", "page", "main.go"): source},
	})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlayFile, "./cmd/page")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the code of %s: %v\n%s", page, err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
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
