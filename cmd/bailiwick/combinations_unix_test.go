//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// combined are the values that generated mounts have for each key, "" for none.
var combined = []struct {
	key    string
	values []string
}{
	{"path", []string{"/", "/home", "/docs", "/docs/home", "/HOME", "/up"}},
	{"host", []string{"", "", "", "one.example"}},
	{"source", []string{"srv", "srv", "srv/home", "srv/docs", "srv/docs/home", "to-docs", "srv/docs/../home", "other", "mem:"}},
	{"allow", []string{`["**"]`, `["**"]`, `["**/*.html"]`, `["home/**", "docs/**"]`, `["*.txt", "alice/**"]`}},
	{"deny", []string{"", "", "[home]", "[docs]", `["**/*.html"]`, "[alice]"}},
	{"symlinks", []string{"", "inside"}},
	{"list", []string{"", "true"}},
	{"write", []string{"", "", "true"}},
	{"content", []string{"", "", "", "trusted", "untrusted"}},
	{"precompressed", []string{"", "", "true"}},
	{"access", []string{
		"", "", "[{who: anyone, can: [read, list]}]", "[{who: authenticated, can: [read, list, write, delete], names: ['{user}/**']}]",
		"[{who: 'user:alice', can: [read]}, {who: anyone, can: [list]}]", "[{who: 'group:editors', can: [read, list, write, delete]}]",
	}},
}

// combinedTree is what the sources hold. Each file says where it lies.
var combinedTree = []string{
	"srv/a.txt", "srv/p.html", "srv/home/alice/a.txt", "srv/home/alice/p.html", "srv/home/b.txt", "srv/docs/a.txt", "srv/docs/p.html", "srv/docs/home/a.txt", "srv/.env", "other/a.txt",
}

// generateMount returns a mount as a line of a configuration.
func generateMount(r *rand.Rand) (line string) {
	keys := []string{"no_index: true"}
	uploads := r.IntN(8) == 0
	for _, c := range combined {
		value := c.values[r.IntN(len(c.values))]
		switch {
		case value == "":
		case uploads && c.key == "source":
			keys = append(keys, "source: "+[]string{"ups", "ups", "srv/home", "srv"}[r.IntN(4)])
		case uploads && slices.Contains([]string{"allow", "deny", "symlinks", "list", "write", "content", "precompressed"}, c.key):
		default:
			keys = append(keys, c.key+": "+strings.Replace(value, "mem:", "'mem:'", 1))
		}
	}
	if uploads {
		keys = append(keys, "uploads: {catalog: 'sqlite:c.db'}")
	}
	return "  - {" + strings.Join(keys, ", ") + "}\n"
}

// A combination is a request of a combination of mounts.
type combination struct{ op, user, host, path string }

// combinations are requests for every file by every mount's path, and by other spellings
// of it.
func combinations(cfg *config.Config) []combination {
	var paths, dirs []string
	for i := range cfg.Mounts {
		prefix := strings.TrimSuffix(string(cfg.Mounts[i].Path), "/")
		for _, file := range append([]string{"nosuch", "link", "links/a.txt", "out"}, combinedTree...) {
			for _, top := range []string{"srv/", "srv/home/", "srv/docs/", "other/", ""} {
				if name, ok := strings.CutPrefix(file, top); ok {
					paths = append(paths, prefix+"/"+name)
				}
			}
		}
		paths = append(paths, prefix+"/HOME/alice/a.txt", prefix+"/Docs/a.txt")
		for _, dir := range []string{"/", "/home/", "/docs/", "/alice/", "/HOME/"} {
			dirs = append(dirs, prefix+dir)
		}
	}
	slices.Sort(paths)
	slices.Sort(dirs)
	paths, dirs = slices.Compact(paths), slices.Compact(dirs)
	var all []combination
	for _, user := range []string{"", "alice", "bob"} {
		for _, host := range []string{"", "one.example", "evil.example"} {
			for _, op := range []string{"read", "write", "delete", "list"} {
				for _, path := range map[bool][]string{true: dirs, false: paths}[op == "list"] {
					all = append(all, combination{op, user, host, path})
				}
			}
		}
	}
	return all
}

// What each of two or three mounts, of any keys beside each other, lets clients reach is
// what explain says. Where clients can write, no page of theirs is shown as the site's own.
func TestCombinationsOfMounts(t *testing.T) {
	rounds := 15
	if os.Getenv("BAILIWICK_LONG") == "1" {
		rounds = 1000
	}
	r := rand.New(rand.NewPCG(10, 5))
	judged, allowed, refused := 0, 0, 0
	for judged < rounds {
		var text strings.Builder
		fmt.Fprint(&text, "listen: ['127.0.0.1:0']\naccess_log: {file: log}\nusers: {htpasswd: users}\ngroups: {editors: [bob]}\nmounts:\n")
		for range 2 + r.IntN(2) {
			text.WriteString(generateMount(r))
		}
		ok, yes := combine(t, text.String())
		if !ok {
			refused++
			continue
		}
		judged++
		allowed += yes
	}
	t.Logf("%d configurations, %d refused, %d requests allowed", judged, refused, allowed)
	if allowed < rounds {
		t.Error("too little is allowed to prove anything")
	}
}

// combine compares what a configuration answers with what explain says. It returns
// false for one that is refused, and how many requests were allowed.
func combine(t *testing.T, text string) (ok bool, allowed int) {
	t.Helper()
	dir := t.TempDir()
	for _, file := range combinedTree {
		write(t, filepath.Join(dir, file), file)
	}
	write(t, filepath.Join(dir, "users"), users)
	if err := os.Mkdir(filepath.Join(dir, "ups"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"to-docs": "srv/docs", "srv/link": "docs/a.txt", "srv/links": "home/alice", "srv/out": "../other/a.txt"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "bailiwick.yaml")
	write(t, file, text)
	cfg, err := config.Load(file)
	if err != nil {
		return false, 0
	}
	a := &app{stderr: io.Discard, stdout: io.Discard, origins: map[string]string{}}
	s, err := a.newService(t.Context(), func(func(*config.Config) error) (*config.Config, error) { return cfg, nil })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	asked := combinations(cfg)
	local := context.WithValue(t.Context(), listenerKey{}, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	for _, c := range asked {
		request := httptest.NewRequestWithContext(local, map[string]string{"read": "GET", "list": "GET", "write": "PUT", "delete": "DELETE"}[c.op], c.path, nil)
		request.Host = "localhost"
		if c.host != "" {
			request.Host = c.host
		}
		if c.user != "" {
			request.SetBasicAuth(c.user, "pw")
		}
		if c.op == "write" || c.op == "delete" {
			request.Header.Set("If-Match", `"none"`) // judged, and nothing changes
		}
		w := httptest.NewRecorder()
		s.serve(w, request)
		checkShown(t, cfg, c, w, text)
	}
	s.close()
	log, err := os.Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	records := bufio.NewScanner(log)
	e := a.explainerOf(cfg, &explainFlags{})
	defer e.close()
	for _, c := range asked {
		var record struct {
			Raw, Verdict, Reason string
			Status               int
		}
		if !records.Scan() || json.Unmarshal(records.Bytes(), &record) != nil || record.Raw != c.path {
			t.Fatalf("there is no record of %+v where it should be\n%s", c, text)
		}
		// The sources stay open from one request to the next.
		e.who, e.op, e.host = auth.Principal{Name: c.user}, vfs.Op(c.op), c.host
		v, err := e.explain(t.Context(), strings.TrimPrefix(c.path, "/"), false)
		if err != nil {
			t.Fatalf("%+v: %v\n%s", c, err, text)
		}
		if v.Verdict != record.Verdict {
			t.Errorf("%+v: %s %s %d, but explain: %+v\n%s", c, record.Verdict, record.Reason, record.Status, v, text)
		}
		if v.Verdict == "allowed" {
			allowed++
		}
	}
	return true, allowed
}

// checkShown fails if a page is shown as the site's own that lies where clients can write.
// It judges by the tree alone.
func checkShown(t *testing.T, cfg *config.Config, c combination, w *httptest.ResponseRecorder, text string) {
	t.Helper()
	page := w.Body.String() // says where it lies
	if c.op != "read" || w.Code != http.StatusOK || !strings.HasSuffix(page, ".html") || strings.Contains(text, "content: trusted") ||
		strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		return
	}
	at := filepath.Join(filepath.Dir(cfg.File()), page)
	for i := range cfg.Mounts {
		dir, err := filepath.EvalSymlinks(string(cfg.Mounts[i].Source))
		if err == nil && cfg.Mounts[i].Write && strings.HasPrefix(at, dir+"/") {
			t.Errorf("%+v: %s is shown, though clients can write to where it lies\n%s", c, page, text)
		}
	}
}
