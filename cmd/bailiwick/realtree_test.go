package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealTrees serves real directories with the real binary. A crawl of the JSON
// listing downloads exactly the files that a walk of the disk finds allowed, byte for
// byte. Every other file gets the uniform 404.
func TestRealTrees(t *testing.T) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, tree := range []struct {
		root, why string
		allow     []string
		allowed   func(name string) bool
	}{
		{
			"/usr/share/doc", "Debian's documentation: thousands of packages, many links",
			[]string{"**/copyright", "**/*.html"},
			func(name string) bool { return path.Base(name) == "copyright" || strings.HasSuffix(name, ".html") },
		},
		{
			filepath.Join(strings.TrimSpace(string(goroot)), "src"), "Go's own source",
			[]string{"**/*.go"},
			func(name string) bool { return strings.HasSuffix(name, ".go") },
		},
	} {
		t.Run(path.Base(tree.root), func(t *testing.T) {
			if _, err := os.Stat(tree.root); err != nil {
				t.Skipf("no %s on this system (%s)", tree.root, tree.why)
			}
			args := []string{"serve", tree.root, "--list", "--no-index", "--listen", "127.0.0.1:0", "--access-log", "off"}
			for _, a := range tree.allow {
				args = append(args, "--allow", a)
			}
			base := serveForTest(t, nil, args...)

			expected, others := walkDisk(t, tree.root, tree.allowed)
			got := map[string]bool{}
			crawl(t, base, "", got)
			if want := slices.Sorted(maps.Keys(expected)); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
				t.Fatalf("the listing has %d names, want the %d on disk", len(got), len(want))
			}
			for name := range got {
				want, err := os.ReadFile(filepath.Join(tree.root, name))
				if err != nil {
					t.Fatal(err)
				}
				if status, body := fetch(t, base+"/"+escape(name)); status != http.StatusOK || !bytes.Equal(body, want) {
					t.Errorf("%s: status %d, %d bytes of %d", name, status, len(body), len(want))
				}
			}
			_, missing := fetch(t, base+"/there-is-no-such-name")
			for _, name := range others {
				if status, body := fetch(t, base+"/"+escape(name)); status != http.StatusNotFound || !bytes.Equal(body, missing) {
					t.Errorf("%s: status %d, want the uniform 404", name, status)
				}
			}
			t.Logf("%d files served, %d refused", len(got), len(others))
			if len(got) < 50 || len(others) < 50 {
				t.Error("too few files to prove anything")
			}
		})
	}
}

// walkDisk returns the names that must be served, and all other names except
// directories.
func walkDisk(t *testing.T, root string, allowed func(string) bool) (expected map[string]bool, others []string) {
	expected = map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type().IsRegular() && allowed(name) && !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.") {
			expected[name] = true
		} else if st, err := os.Stat(filepath.Join(root, name)); err != nil || !st.IsDir() {
			others = append(others, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return expected, others
}

// crawl adds all files below dir to found. dir is "" or ends in a slash.
func crawl(t *testing.T, base, dir string, found map[string]bool) {
	after := ""
	for {
		req, err := http.NewRequest("GET", base+"/"+escape(dir)+"?limit=500&after="+url.QueryEscape(after), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Entries []struct{ Name, Type string }
			Next    string
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("listing of %q: %s, %v", dir, resp.Status, err)
		}
		for _, e := range page.Entries {
			if e.Type == "dir" {
				crawl(t, base, dir+e.Name+"/", found)
			} else {
				found[dir+e.Name] = true
			}
		}
		if page.Next == "" {
			return
		}
		after = page.Next
	}
}

func escape(name string) string {
	elems := strings.Split(name, "/")
	for i, e := range elems {
		elems[i] = url.PathEscape(e)
	}
	return strings.Join(elems, "/")
}

func fetch(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	resp, err := http.DefaultTransport.(*http.Transport).RoundTrip(mustRequest(t, url))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// serveForTest runs the real binary, with the command line under as a wrapper if there is
// one, and returns its base URL. At the end of the test the process is interrupted and
// must exit with 0.
func serveForTest(t *testing.T, under []string, args ...string) (base string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bailiwick")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line := slices.Concat(under, []string{bin}, args)
	cmd := exec.Command(line[0], line[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for base == "" && lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			base = at
		}
	}
	if base == "" {
		t.Fatalf("the server did not become ready: %v", cmd.Wait())
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		io.Copy(io.Discard, stderr)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server exited: %v", err)
		}
	})
	return base
}
