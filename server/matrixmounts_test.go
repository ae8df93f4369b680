package server_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// at returns a handler that passes requests to h below a prefix.
func at(prefix string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		below := new(http.Request)
		*below = *r
		below.URL = new(url.URL)
		*below.URL = *r.URL
		below.URL.Path = prefix + r.URL.Path
		if r.URL.RawPath != "" {
			below.URL.RawPath = prefix + r.URL.RawPath
		}
		below.RequestURI = prefix + r.RequestURI
		h.ServeHTTP(w, below)
	})
}

// mounted routes by the first path element, which is never percent-encoded here.
func mounted(mounts map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for prefix, h := range mounts {
			if strings.HasPrefix(r.URL.Path, prefix+"/") {
				http.StripPrefix(prefix, h).ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

// otherRules allow much that matrixRules do not, and vice versa.
func otherRules(t testing.TB) *access.List {
	return rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpList), Names: []string{"shared/**", "home"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"law/**", "top.txt"}},
		access.Rule{Who: "user:eve", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete), Names: []string{"home/**", "public/**"}},
		access.Rule{Who: "claim:dept=lawyer", Can: can(vfs.OpDelete), Names: []string{"home/alice/*"}})
}

func otherPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("home/**", "law/*", "top.txt", "public/*"), Deny: vfs.Patterns("home/bob", "**/d.txt")}
}

// A matrixMount is one of several mounts of one source.
type matrixMount struct {
	prefix          string
	policy          func() vfs.Policy
	rules           *access.List
	explained, open *vfs.Jail
	answers         map[string]reply
}

// TestMatrixOfTwoMounts sends every request to two mounts of one source, alternating. Each
// response agrees with the jail and the rules of its own mount, whatever those of the other
// are.
func TestMatrixOfTwoMounts(t *testing.T) {
	eachWritable(t, func(t *testing.T, inner vfs.Backend) {
		plant(t, inner, matrixTree...)
		there := map[string]bool{}
		for _, name := range matrixTree {
			there[name] = true
		}
		b := counted(inner)
		mounts := []*matrixMount{
			{prefix: "/one", policy: matrixPolicy, rules: matrixRules(t)},
			{prefix: "/two", policy: otherPolicy, rules: otherRules(t)},
		}
		handlers := map[string]http.Handler{}
		for _, m := range mounts {
			p := m.policy()
			m.open = jailOver(t, inner, p)
			p.Authorize = m.rules
			m.explained, m.answers = jailOver(t, inner, p), map[string]reply{}
			handlers[m.prefix] = guard(t, b, m.policy(), m.rules, crowd, server.Config{List: true, Write: true})
		}
		h := mounted(handlers)

		seen := map[string]int{} // number of requests by the mounts that allowed them
		asked := map[string]bool{}
		for i, name := range append(matrixTree, matrixMissing...) {
			if testing.Short() && i%4 != 1 {
				continue
			}
			for _, target := range spellings(t, name) {
				if asked[target] || target[0] != '/' {
					continue
				}
				asked[target] = true
				for key, who := range crowd {
					for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
						by := ""
						for _, m := range mounts {
							c := cell{at(m.prefix, h), b, m.explained, m.open, m.rules, who, key, target, m.answers}
							if c.check(t, method, there) {
								by += m.prefix
							}
						}
						seen[by]++
					}
				}
			}
		}
		for _, by := range []string{"/one", "/two", "/one/two"} {
			if seen[by] < 10 {
				t.Errorf("only %d cells were allowed by exactly %s: %v", seen[by], by, seen)
			}
		}
		if all := contents(t, inner); len(all) != len(matrixTree) {
			t.Errorf("%d objects, want %d", len(all), len(matrixTree))
		}
	})
}

// An uploadMount is one of several mounts of one catalog.
type uploadMount struct {
	prefix  string
	source  catalog.Source
	backend *countedBackend
	rules   *access.List
	owned   map[string]string // the IDs of the uploads to this mount, by owner
}

// decides reports whether the rules of m let who do op to an upload of owner.
func (m *uploadMount) decides(t *testing.T, who auth.Principal, op vfs.Op, id, owner string) bool {
	t.Helper()
	n, err := vfs.ParseName(id)
	if err != nil {
		t.Fatal(err)
	}
	_, ok := m.rules.Decide(who, op, n, &owner)
	return ok
}

// TestMatrixOfUploadMounts requests every upload from three mounts of one catalog, two of
// which share a source. Each mount applies its own rules to uploads in its own source, and
// answers for all others as if they did not exist.
func TestMatrixOfUploadMounts(t *testing.T) {
	ofFile := func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "catalog.db") }
	ofServer := func(t *testing.T) string { return pgserver.Start(t).Database(t) }
	for _, c := range []struct {
		name    string
		backend func(t *testing.T) vfs.Backend
		catalog func(t *testing.T) string
	}{
		{"mem, SQLite", func(*testing.T) vfs.Backend { return mem.New() }, ofFile},
		{"mem, PostgreSQL", func(*testing.T) vfs.Backend { return mem.New() }, ofServer},
		{"disk, SQLite", func(t *testing.T) vfs.Backend { return writableDisk(t, disk.Options{}) }, ofFile},
		{"s3, SQLite", func(t *testing.T) vfs.Backend { return writableBucket(t) }, ofFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			matrixOfUploadMounts(t, c.catalog(t), counted(c.backend(t)), counted(c.backend(t)))
		})
	}
}

func matrixOfUploadMounts(t *testing.T, name string, one, two *countedBackend) {
	editors := map[string][]string{"editors": {"bob"}}
	upload := access.Rule{Who: "authenticated", Can: can(vfs.OpUpload)}
	mounts := []*uploadMount{
		{"/one", "/srv/one", one, rules(t, editors, upload,
			access.Rule{Who: "owner", Can: can(vfs.OpRead, vfs.OpDelete)},
			access.Rule{Who: "group:editors", Can: can(vfs.OpRead)}), nil},
		{"/two", "/srv/two", two, rules(t, editors, upload,
			access.Rule{Who: "anyone", Can: can(vfs.OpRead)},
			access.Rule{Who: "user:eve", Can: can(vfs.OpDelete)}), nil},
		{"/again", "/srv/one", one, rules(t, nil, upload,
			access.Rule{Who: "owner", Can: can(vfs.OpRead)},
			access.Rule{Who: "user:mallory", Can: can(vfs.OpDelete)}), nil},
	}
	handlers := map[string]http.Handler{}
	for _, m := range mounts {
		c, err := open.Open(t.Context(), name, m.source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		handlers[m.prefix] = server.NewUploads(jailOver(t, m.backend, catalog.Policy()), c,
			server.UploadConfig{Authorize: server.UploadRules(m.rules), Auth: server.Auth{Authenticator: chain(crowd)}, Logger: quiet})
	}
	h := mounted(handlers)
	for _, m := range mounts {
		m.owned = map[string]string{}
		for _, key := range []string{"alice", "eve", "*", "user1"} {
			headers := append(as(key), "Content-Disposition", `attachment; filename="x.txt"`)
			m.owned[key] = requestBody(t, at(m.prefix, h), "POST", "/", "of "+key, headers...).files(t)[0].ID
		}
	}

	seen := map[string]int{}
	check := func(m, from *uploadMount, owner, method, query string, conditions ...string) {
		id := from.owned[owner]
		for key, who := range crowd {
			headers := append(as(key), conditions...)
			missing := request(t, at(m.prefix, h), method, "/3f2b8a52-0c4e-4d3a-9b1e-2f6c7d8e9f00"+query, headers...)
			before := m.backend.calls.Load()
			got := request(t, at(m.prefix, h), method, "/"+id+query, headers...)
			calls := m.backend.calls.Load() - before
			what := method + " " + m.prefix + "/ID" + query + " of " + owner + " in " + from.prefix + " as " + key
			op := vfs.OpRead
			if method == "DELETE" {
				op = vfs.OpDelete
			}
			here := m.source == from.source
			if here && m.decides(t, who, op, id, owner) {
				want := http.StatusPreconditionFailed
				if query != "" && op == vfs.OpRead {
					want = http.StatusOK
				}
				if got.Status != want {
					t.Errorf("%s: %d %q, want %d", what, got.Status, got.Body, want)
				}
				seen["allowed"]++
				continue
			}
			same(t, what, got, missing)
			if calls != 0 {
				t.Errorf("%s: the backend saw %d calls", what, calls)
			}
			if here {
				seen["refused"]++
			} else if m.decides(t, who, op, id, owner) {
				seen["in another source, but allowed by the rules"]++
			}
		}
	}
	for _, m := range mounts {
		for _, from := range mounts {
			for owner := range from.owned {
				for _, method := range []string{"GET", "HEAD", "DELETE"} {
					for _, query := range []string{"", "?meta"} {
						check(m, from, owner, method, query, "If-Match", `"none"`)
					}
				}
			}
		}
	}
	for _, kind := range []string{"allowed", "refused", "in another source, but allowed by the rules"} {
		if seen[kind] < 100 {
			t.Errorf("too few cells: %s: %v", kind, seen)
		}
	}

	// A DELETE without a precondition does not remove uploads in another source, whoever
	// sends it.
	for _, m := range mounts {
		for _, from := range mounts {
			if m.source == from.source {
				continue
			}
			for _, id := range from.owned {
				for key := range crowd {
					if got := request(t, at(m.prefix, h), "DELETE", "/"+id, as(key)...); got.Status/100 == 2 {
						t.Errorf("DELETE in %s of an upload in %s as %s: %d", m.prefix, from.prefix, key, got.Status)
					}
				}
			}
		}
	}
	for _, m := range mounts {
		for owner, id := range m.owned {
			key := owner
			if got := request(t, at(m.prefix, h), "GET", "/"+id, as(key)...); got.Status != http.StatusOK || got.Body != "of "+owner {
				t.Errorf("afterwards, in %s, the upload of %s: %d %q", m.prefix, owner, got.Status, got.Body)
			}
		}
	}
}
