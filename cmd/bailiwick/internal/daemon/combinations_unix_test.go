//go:build unix

package daemon

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

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
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
	{"source", []string{"srv", "srv", "srv/home", "srv/docs", "srv/docs/home", "to-docs", "srv/docs/../home", "other", "mem:",
		"[srv/home, other]", "[other, srv/docs]", "[srv/docs, srv/home]", "[mem:, srv]", "[srv, srv/home]"}},
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

// combinedTree has the files of the sources. Each file contains its own path.
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
		case c.key == "source" && value[0] == '[':
			keys = append(keys, "sources: "+strings.Replace(value, "mem:", "'mem:'", 1))
		default:
			keys = append(keys, c.key+": "+strings.Replace(value, "mem:", "'mem:'", 1))
		}
	}
	if uploads {
		keys = append(keys, "uploads: {catalog: 'sqlite:c.db'}")
	}
	return "  - {" + strings.Join(keys, ", ") + "}\n"
}

// generatePages returns two mounts, one to read and one to write, whose sources may have
// pages in common.
func generatePages(r *rand.Rand) (lines string) {
	sources := []string{"source: srv", "source: srv/home", "source: srv/docs", "source: to-docs", "source: srv/docs/../home", "source: other", "sources: [other, srv/docs]", "sources: [srv/home, srv/docs]"}
	content := []string{"", "", "", ", content: trusted", ", content: untrusted"}
	for _, m := range []string{"path: /pages", "path: /edit, write: true"} {
		lines += fmt.Sprintf("  - {no_index: true, %s, %s, allow: ['**']%s}\n", m, sources[r.IntN(len(sources))], content[r.IntN(len(content))])
	}
	return lines
}

// A combination is a request of a combination of mounts.
type combination struct{ op, user, host, path string }

// combinations are requests for every file by every mount's path, and by other spellings
// of it.
func combinations(cfg *config.Config) []combination {
	var paths, dirs []string
	for i := range cfg.Mounts {
		prefix := strings.TrimSuffix(string(cfg.Mounts[i].Path), "/")
		for _, file := range append([]string{"nosuch", "link", "links/a.txt", "out", "hard", "srv", "srv/home", "srv/docs"}, combinedTree...) {
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

// For two to five mounts with any combination of keys, the server's decisions match those of
// explain. A page that clients can write is not shown as the site's own, unless the mount is
// configured to.
func TestCombinationsOfMounts(t *testing.T) {
	rounds := 15
	if os.Getenv("BAILIWICK_LONG") == "1" {
		rounds = 400 // in some minutes
	}
	r := rand.New(rand.NewPCG(10, 5))
	judged, allowed, refused := 0, 0, 0
	pages := map[string]int{}
	for judged < rounds {
		var text strings.Builder
		fmt.Fprint(&text, "listen: ['127.0.0.1:0']\naccess_log: {file: log}\nusers: {htpasswd: users}\ngroups: {editors: [bob]}\nmounts:\n")
		for range 2 + r.IntN(2) {
			text.WriteString(generateMount(r))
		}
		if r.IntN(2) == 0 {
			text.WriteString(generatePages(r))
		}
		ok, yes := combine(t, text.String(), pages)
		if !ok {
			refused++
			continue
		}
		judged++
		allowed += yes
	}
	t.Logf("%d configurations, %d refused, %d requests allowed, pages: %v", judged, refused, allowed, pages)
	for _, kind := range []string{pageByOther, pageByItself, pageOwn, pageTrusted, pageUntrusted} {
		if pages[kind] < rounds/5 {
			t.Errorf("too few pages prove anything of %q: %v", kind, pages)
		}
	}
	if allowed < rounds {
		t.Error("too few requests were allowed to prove anything")
	}
}

// combine compares what a configuration answers with what explain says, and how pages are
// shown with where they lie. It returns false for one that is refused, and how many
// requests were allowed, and counts the pages in pages.
func combine(t *testing.T, text string, pages map[string]int) (ok bool, allowed int) {
	t.Helper()
	dir := t.TempDir()
	for _, file := range combinedTree {
		writeFile(t, filepath.Join(dir, file), file)
	}
	writeFile(t, filepath.Join(dir, "users"), twoUsers)
	if err := os.Mkdir(filepath.Join(dir, "ups"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"to-docs": "srv/docs", "srv/link": "docs/a.txt", "srv/links": "home/alice", "srv/out": "../other/a.txt"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "other", "a.txt"), filepath.Join(dir, "srv", "hard")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bailiwick.yaml")
	writeFile(t, file, text)
	cfg, err := config.Load(file)
	if err != nil {
		return false, 0
	}
	s, err := newService(t.Context(), cli.Streams{Out: io.Discard, Err: io.Discard}, cli.NewEnv(nil), func(func(*config.Config) error) (*config.Config, error) { return cfg, nil }, false)
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
			request.Header.Set("If-Match", `"none"`) // the request is evaluated, and changes nothing
		}
		w := httptest.NewRecorder()
		s.serve(w, request)
		checkShown(t, cfg, c, w, text, pages)
	}
	s.close()
	log, err := os.Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	records := bufio.NewScanner(log)
	e := NewExplainer(cli.Streams{}, cli.NewEnv(nil), cfg, "", "", "")
	defer e.Close()
	for _, c := range asked {
		var record struct {
			Raw, Verdict, Reason string
			Status               int
		}
		if !records.Scan() || json.Unmarshal(records.Bytes(), &record) != nil || record.Raw != c.path {
			t.Fatalf("there is no record of %+v where it should be\n%s", c, text)
		}
		// The sources stay open from one request to the next.
		e.principal, e.op, e.host = auth.Principal{Name: c.user}, vfs.Op(c.op), c.host
		if record.Status == http.StatusPermanentRedirect {
			e.op = vfs.OpList // a client that may list a directory is redirected to it
		}
		v, err := e.Explain(t.Context(), strings.TrimPrefix(c.path, "/"), false)
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

// Why a page is shown as the site's own, or is not.
const (
	pageTrusted   = "the mount says trusted"
	pageUntrusted = "the mount says untrusted"
	pageByItself  = "clients write by the mount"
	pageByOther   = "clients write by another mount"
	pageOwn       = "nobody writes"
)

// checkShown fails if a page is shown as the site's own that lies where clients can write,
// or is not shown though it is the site's own. It evaluates the tree and the text of the
// configuration, not the parsed configuration.
func checkShown(t *testing.T, cfg *config.Config, c combination, w *httptest.ResponseRecorder, text string, pages map[string]int) {
	t.Helper()
	page := w.Body.String() // says where it lies
	if c.op != "read" || w.Code != http.StatusOK || !strings.HasSuffix(page, ".html") {
		return
	}
	download := strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment")
	sandboxed := w.Header().Get("Content-Security-Policy") == "default-src 'none'; sandbox"
	if download != sandboxed {
		t.Errorf("%+v: downloaded: %t, sandboxed: %t\n%s", c, download, sandboxed, text)
	}
	at := filepath.Join(filepath.Dir(cfg.File()), page)
	said := strings.Split(text, "\n  - {")[1:]
	within := func(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
	sources := make([][]string, len(cfg.Mounts))
	for i := range sources {
		for _, source := range append(cfg.Mounts[i].Sources, cfg.Mounts[i].Source) {
			if real, err := filepath.EvalSymlinks(string(source)); err == nil && source != "" {
				sources[i] = append(sources[i], real)
			} else if source != "" {
				sources[i] = append(sources[i], "none")
			}
		}
	}
	// has returns the file that the sources have under a name.
	has := func(sources []string, name string) string {
		for _, source := range sources {
			if file, err := filepath.EvalSymlinks(filepath.Join(source, name)); err == nil {
				return file
			}
		}
		return ""
	}
	var reasons []string
	for i := range cfg.Mounts {
		m := &cfg.Mounts[i]
		rest, ok := strings.CutPrefix(c.path, strings.TrimSuffix(string(m.Path), "/")+"/")
		if !ok || m.Host != "" && string(m.Host) != c.host {
			continue
		}
		if has(sources[i], rest) != at {
			continue
		}
		reason := pageOwn
		for j := range cfg.Mounts {
			other := &cfg.Mounts[j]
			if j == i || !other.Write && other.Uploads == nil {
				continue
			}
			for _, source := range sources[i] {
				if written := sources[j][0]; within(source, written) || within(written, source) {
					reason = pageByOther
				}
			}
		}
		switch {
		case strings.Contains(said[i], "content: trusted"):
			reason = pageTrusted
		case strings.Contains(said[i], "content: untrusted"):
			reason = pageUntrusted
		case m.Write || m.Uploads != nil:
			reason = pageByItself
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) != 1 {
		if len(reasons) == 0 {
			t.Errorf("%+v: %s is served by no mount\n%s", c, page, text)
		}
		return // either of two mounts may be the one
	}
	pages[reasons[0]]++
	if shown := reasons[0] == pageTrusted || reasons[0] == pageOwn; shown == download {
		t.Errorf("%+v: %s, shown: %t, though %s\n%s", c, page, !download, reasons[0], text)
	}
}

// twoUsers are alice and bob, whose password is pw.
const twoUsers = `alice:$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm
bob:$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm
`

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
