//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// linkServer serves a site with signed links beside mounts with catalogs.
type linkServer struct {
	t              *testing.T
	dir, etc, keys string
	p              *process
}

func newLinkServer(t *testing.T) *linkServer {
	s := &linkServer{t: t, dir: tree(t, siteFiles), etc: t.TempDir()}
	s.keys = filepath.Join(s.etc, "keys")
	write(t, s.keys, linkKeys)
	return s
}

// restart starts the server, again if it runs, with a mount for each address of a catalog.
func (s *linkServer) restart(catalogs ...string) {
	s.t.Helper()
	if s.p != nil {
		s.p.stop()
	}
	text := fmt.Sprintf("landlock: off\nlinks: {keys: %s}\naccess_log: {file: off}\nmounts:\n  - {path: /, source: %s, allow: ['**'], access: [{who: authenticated, can: [read]}]}\n", s.keys, s.dir)
	for i, catalog := range catalogs {
		source := filepath.Join(s.etc, fmt.Sprint("uploads", i))
		if err := os.MkdirAll(source, 0o700); err != nil {
			s.t.Fatal(err)
		}
		text += fmt.Sprintf("  - {path: /%d, source: %s, uploads: {catalog: %q}}\n", i, source, catalog)
	}
	writeConfig(s.t, s.etc, text)
	s.p = launch(s.t, command("serve", "--config", filepath.Join(s.etc, "bailiwick.yaml")))
}

func (s *linkServer) sqlite(name string) string { return "sqlite:" + filepath.Join(s.etc, name) }

func (s *linkServer) sign(args ...string) string {
	s.t.Helper()
	return signed(s.t, s.keys, "/index.html", args...)
}

func (s *linkServer) use(what, link string, want int) {
	s.t.Helper()
	if status, _ := get(s.t, s.p.url+link); status != want {
		s.t.Errorf("%s: %d, want %d", what, status, want)
	}
}

// A link stays used up when a catalog is added, whatever its name, and while one of the catalogs
// that counted it is in use.
func TestLinkUsesOfSeveralCatalogs(t *testing.T) {
	s := newLinkServer(t)
	a, b, c := s.sqlite("a.db"), s.sqlite("b.db"), s.sqlite("c.db")
	s.restart(b)
	link := s.sign("--uses", "1")
	s.use("the first use", link, 200)
	for _, catalogs := range [][]string{{b, a}, {a, b, c}, {c, b}} {
		s.restart(catalogs...)
		s.use(fmt.Sprintf("used up, with catalogs %v", catalogs), link, 404)
	}
	s.restart(a, b, c)
	link = s.sign("--uses", "2")
	s.use("the first of two uses", link, 200)
	s.use("the second of two uses", link, 200)
	for _, catalog := range []string{a, b, c} {
		s.restart(catalog)
		s.use("used up, with one catalog left: "+catalog, link, 404)
	}

	// A catalog that fails is no reason to accept a link.
	s.restart(a, b)
	link, endless := s.sign("--uses", "9"), s.sign()
	s.use("with two catalogs", link, 200)
	for _, catalog := range []string{"a.db", "b.db"} {
		runSQLite(t, filepath.Join(s.etc, catalog), "ALTER TABLE link_uses RENAME TO moved")
		s.use(catalog+" fails", link, 503)
		s.use("a link without a limit", endless, 200)
		runSQLite(t, filepath.Join(s.etc, catalog), "ALTER TABLE moved RENAME TO link_uses")
		s.use(catalog+" works again", link, 200)
	}
}

// Several mounts with one catalog count a use once, also if they write its address differently.
func TestLinkUsesOfOneCatalog(t *testing.T) {
	s := newLinkServer(t)
	if err := os.Symlink(s.etc, filepath.Join(s.etc, "link")); err != nil {
		t.Fatal(err)
	}
	testOneCatalog(t, s, []string{s.sqlite("a.db"), s.sqlite("a.db"), s.sqlite("./link/a.db")})
	t.Run("postgres", func(t *testing.T) {
		url := pgserver.Start(t).Database(t)
		testOneCatalog(t, newLinkServer(t), []string{url, url, url + "&application_name=x", strings.Replace(url, "postgres:", "postgresql:", 1)})
	})
}

func testOneCatalog(t *testing.T, s *linkServer, catalogs []string) {
	t.Helper()
	s.restart(catalogs...)
	link := s.sign("--uses", "3")
	for i := range 3 {
		s.use(fmt.Sprintf("use %d of three", i+1), link, 200)
	}
	s.use("used up", link, 404)
	s.restart(catalogs[0])
	s.use("used up, after a restart", link, 404)
	s.p.stop()
	s.p = nil
}

// The time of links is the latest of all catalogs.
func TestLinkClockOfSeveralCatalogs(t *testing.T) {
	for _, ahead := range []string{"a.db", "b.db"} {
		s := newLinkServer(t)
		a, b := s.sqlite("a.db"), s.sqlite("b.db")
		s.restart(a, b)
		short, long := s.sign(), s.sign("--expires", "48h")
		s.use("a link", short, 200)
		s.p.stop()
		s.p = nil
		later := time.Now().Add(24 * time.Hour)
		runSQLite(t, filepath.Join(s.etc, ahead), fmt.Sprintf("INSERT INTO link_clock (id, latest) VALUES (1, %d) ON CONFLICT (id) DO UPDATE SET latest = excluded.latest", later.UnixMicro()))
		s.restart(a, b)
		s.use("expired by the time of "+ahead, short, 404)
		s.use("not expired", long, 200)
		// The other one has that time now, too.
		other := map[string]string{"a.db": b, "b.db": a}[ahead]
		s.restart(other)
		s.use("expired by the time of both", short, 404)
		s.p.stop()
	}
}
