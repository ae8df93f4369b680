package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// crowd are the callers: some have names that mean something in a path or pattern, and some
// differ only slightly.
var crowd = people{
	"":           {},
	"alice":      {Name: "alice"},
	"Alice":      {Name: "Alice"},
	"bob":        {Name: "bob"},
	"eve":        {Name: "eve", Claims: map[string][]string{"dept": {"tax", "law"}}},
	"mallory":    {Name: "mallory", Claims: map[string][]string{"dept": {"lawyer"}}, Groups: []string{"editor"}},
	"user1":      {Name: "user1"},
	"user10":     {Name: "user10"},
	"..":         {Name: ".."},
	"*":          {Name: "*"},
	"**":         {Name: "**"},
	"re:.+":      {Name: "re:.+"},
	"{user}":     {Name: "{user}"},
	"alice/deep": {Name: "alice/deep"},
	"caf\u00e9":  {Name: "caf\u00e9"},
	"cafe\u0301": {Name: "cafe\u0301"},
}

func matrixRules(t testing.TB) *access.List {
	readAndMore := can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete)
	return rules(t, map[string][]string{"editors": {"bob"}},
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
		access.Rule{Who: "authenticated", Can: readAndMore, Names: []string{"home/{user}/**"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"top/{user}"}},
		access.Rule{Who: "group:editors", Can: can(vfs.OpRead, vfs.OpList), Names: []string{"home/alice/**", "shared/**"}},
		access.Rule{Who: "claim:dept=law", Can: can(vfs.OpRead), Names: []string{"law/**"}},
		access.Rule{Who: "user:user1", Can: can(vfs.OpDelete), Names: []string{"law/*"}})
}

func matrixPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/secret*", "home/*/drafts")}
}

var matrixTree = []string{
	"public/p.txt", "public/secret.txt", "home/alice/a.txt", "home/alice/deep/b.txt", "home/alice/secret.txt", "home/alice/drafts/d.txt", "home/bob/b.txt",
	"home/user1/x", "home/user10/x", "home/*/star", "home/**/stars", "home/{user}/mark", "home/re:.+/x", "home/caf\u00e9/c", "top/alice", "top/bob", "law/l.txt", "shared/s.txt", "top.txt",
}

// matrixMissing are names that do not exist.
var matrixMissing = []string{"public/missing", "home/alice/missing", "home/bob/missing", "home/nobody/x", "home/Alice/a.txt", "top/eve", "law/missing", "missing"}

// spellings returns a name as clients may send it: in canonical form, with other bytes
// percent-encoded, and in forms that are invalid or another name.
func spellings(t testing.TB, name string) []string {
	t.Helper()
	n, err := vfs.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	escaped := "/" + n.EscapedPath()
	last := strings.LastIndexByte(escaped, '/')
	decomposed := strings.ReplaceAll(escaped, "%C3%A9", "e%CC%81")
	return []string{
		escaped, escaped[:last+1] + strings.ReplaceAll(escaped[last+1:], ".", "%2e"), strings.Replace(escaped, "/home/a", "/%68ome/%61", 1), decomposed,
		escaped + "/", escaped[:last+1], escaped[:max(last, 1)], strings.ToUpper(escaped[:min(7, len(escaped))]) + escaped[min(7, len(escaped)):],
		"/" + escaped, escaped[:last] + "//" + escaped[last+1:], escaped[:last] + "/." + escaped[last:], escaped[:last] + "/x/.." + escaped[last:],
		escaped[:last] + "%2f" + escaped[last+1:], escaped[:last] + "%5c" + escaped[last+1:], escaped + "%00", escaped + "%2f", escaped[:last] + "/%2e%2e" + escaped[last:],
		strings.Replace(escaped, "/home/", "/home%2F..%2Fhome/", 1), escaped + "?meta", escaped + "?after=a&limit=1",
	}
}

// TestMatrix requests every name, as every caller, in every spelling. The response agrees
// with Explain of the jail and with the rules. A refusal is the response for a missing
// name, and makes no backend call.
func TestMatrix(t *testing.T) { testMatrix(t, guard) }

// TestMatrixBySession is TestMatrix with a session's cookie in place of each header.
func TestMatrixBySession(t *testing.T) { testMatrix(t, guardBySession) }

func testMatrix(t *testing.T, guard func(testing.TB, vfs.Backend, vfs.Policy, *access.List, people, server.Config) http.Handler) {
	eachWritable(t, func(t *testing.T, inner vfs.Backend) {
		plant(t, inner, matrixTree...)
		there := map[string]bool{}
		for _, name := range matrixTree {
			there[name] = true
		}
		l := matrixRules(t)
		b := counted(inner)
		h := guard(t, b, matrixPolicy(), l, crowd, server.Config{List: true, Write: true})
		explaining := matrixPolicy()
		open := jailOver(t, inner, explaining)
		explaining.Authorize = l
		explained := jailOver(t, inner, explaining)

		seen := map[bool]int{}
		asked, answers := map[string]bool{}, map[string]reply{}
		for i, name := range append(matrixTree, matrixMissing...) {
			if (testing.Short()) && i%4 != 1 {
				continue
			}
			for _, target := range spellings(t, name) {
				if asked[target] || target[0] != '/' {
					continue
				}
				asked[target] = true
				for key, who := range crowd {
					c := cell{h, b, explained, open, l, who, key, target, answers}
					for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
						seen[c.check(t, method, there)]++
					}
				}
			}
		}
		if seen[true] < 50 || seen[false] < 3000 {
			t.Errorf("too few cells: %d allowed, %d refused", seen[true], seen[false])
		}
		// No write succeeded: each had a precondition that is false.
		if all := contents(t, inner); len(all) != len(matrixTree) {
			t.Errorf("%d objects, want %d", len(all), len(matrixTree))
		}
	})
}

// A cell is one request of the matrix, without its method.
type cell struct {
	h         http.Handler
	b         *countedBackend
	explained *vfs.Jail // with the rules
	open      *vfs.Jail // without the rules
	rules     *access.List
	who       auth.Principal
	key       string // of who
	target    string
	answers   map[string]reply // for a missing name, by who, method and operation
}

// missing returns the response for a name that never existed.
func (c *cell) missing(t *testing.T, method string, op vfs.Op, headers []string) reply {
	t.Helper()
	key := c.key + " " + method + " " + string(op)
	if _, ok := c.answers[key]; !ok {
		target := "/none/such"
		if op == vfs.OpList {
			target += "/"
		}
		c.answers[key] = request(t, c.h, method, target, headers...)
	}
	return c.answers[key]
}

// allowed reports whether who may do op to n. It fails if Explain and the rules disagree.
func (c *cell) allowed(t *testing.T, op vfs.Op, n vfs.Name) bool {
	t.Helper()
	v := c.explained.Explain(auth.WithPrincipal(t.Context(), c.who), op, n)
	_, decided := c.rules.Decide(c.who, op, n, nil)
	without := c.open.Explain(t.Context(), op, n)
	if v.Allowed != (decided && without.Allowed) {
		t.Fatalf("%q %s %q: explained as %t, decided as %t, and without rules %t", c.who.Name, op, n, v.Allowed, decided, without.Allowed)
	}
	return v.Allowed
}

// check sends the cell's request and reports whether it was allowed.
func (c *cell) check(t *testing.T, method string, there map[string]bool) bool {
	t.Helper()
	sent, _, _ := strings.Cut(c.target, "?")
	rest := strings.TrimPrefix(sent, "/")
	trimmed := strings.TrimSuffix(rest, "/")
	isDir := trimmed != rest
	n, err := vfs.ParseEscapedPath(trimmed)
	if rest == "" {
		n, isDir, err = vfs.Root, true, nil
	}
	op, read := map[string]vfs.Op{"GET": vfs.OpRead, "HEAD": vfs.OpRead, "PUT": vfs.OpWrite, "DELETE": vfs.OpDelete}[method], method == "GET" || method == "HEAD"
	asked := op
	if isDir && read {
		op, asked = vfs.OpList, vfs.OpList
	}

	headers := as(c.key)
	if !read {
		headers = append(headers, "If-Match", `"none"`)
	}
	before := c.b.calls.Load()
	got := request(t, c.h, method, c.target, headers...)
	calls := c.b.calls.Load() - before
	what := method + " " + c.target + " as " + c.key

	allowed := err == nil && (read || !isDir) && c.allowed(t, op, n)
	if err == nil && read && !allowed {
		// Without a slash, the name may be a directory, which is redirected. With one, it
		// may be a directory with an index that may not be listed.
		if isDir {
			index, err := n.Child("index.html")
			allowed = err == nil && c.allowed(t, vfs.OpRead, index)
		} else {
			allowed = c.allowed(t, vfs.OpList, n) && got.Status == 308
			if c.allowed(t, vfs.OpList, n) && !allowed {
				return false // the backend was asked whether the directory exists
			}
		}
	}
	// The response to this caller for a missing name.
	missing := reply{Status: 404, Body: "not found\n"}
	if c.who.Anyone() && !c.rules.Open(asked) {
		missing = reply{Status: 401, Body: "unauthorized\n"}
	}
	if method == "HEAD" {
		missing.Body = ""
	}
	switch {
	case !allowed && op == vfs.OpWrite && got.Status == 422:
		// A caller who may write the name learns that it cannot be created.
		if _, ok := c.rules.Decide(c.who, op, n, nil); !ok || calls != 0 {
			t.Errorf("%s: 422", what)
		}
		return false
	case !allowed:
		if got.Status != missing.Status || got.Body != missing.Body || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v", what, got.Status, got.Body, got.Header)
		}
		same(t, what, got, c.missing(t, method, asked, headers))
		if calls != 0 {
			t.Errorf("%s: the backend saw %d calls", what, calls)
		}
		return false
	}
	ok := got.Status == missing.Status
	switch {
	case op == vfs.OpRead && there[n.String()]:
		ok = got.Status == 200 && (method == "HEAD" || got.Body == n.String())
	case op == vfs.OpRead:
		ok = ok || got.Status == 308
	case op == vfs.OpList:
		ok = ok || got.Status == 200
	case op == vfs.OpWrite:
		ok = got.Status == 412 || ok && isParent(n)
	case op == vfs.OpDelete:
		ok = ok || got.Status == 412
	}
	if !ok {
		t.Errorf("%s: allowed, but %d %q", what, got.Status, got.Body)
	}
	return true
}

// isParent reports whether n is a directory of the tree, which cannot be written as an
// object.
func isParent(n vfs.Name) bool {
	return slices.ContainsFunc(matrixTree, func(name string) bool { return strings.HasPrefix(name, n.String()+"/") })
}

// TestMatrixUploads requests uploads with owners, as every caller. A refused caller gets
// the response for a missing upload, and the refusal makes no backend call.
func TestMatrixUploads(t *testing.T) {
	testMatrixUploads(t, func(_ testing.TB, who people, make func(auth.Authenticator) http.Handler) http.Handler {
		return make(chain(who))
	})
}

// TestMatrixUploadsBySession is TestMatrixUploads with a session's cookie in place of each
// header.
func TestMatrixUploadsBySession(t *testing.T) { testMatrixUploads(t, bySession) }

func testMatrixUploads(t *testing.T, by func(testing.TB, people, func(auth.Authenticator) http.Handler) http.Handler) {
	eachWritable(t, func(t *testing.T, inner vfs.Backend) {
		l := rules(t, map[string][]string{"editors": {"bob"}},
			access.Rule{Who: "authenticated", Can: can(vfs.OpUpload)},
			access.Rule{Who: "owner", Can: can(vfs.OpRead, vfs.OpDelete)},
			access.Rule{Who: "group:editors", Can: can(vfs.OpRead)})
		b := counted(inner)
		h := by(t, crowd, func(a auth.Authenticator) http.Handler {
			return newUploadsOver(t, b, server.UploadConfig{Authorize: server.UploadRules(l), Auth: server.Auth{Authenticator: a}}).handler
		})
		owned := map[string]string{}
		for key, who := range crowd {
			r := requestBody(t, h, "POST", "/", "of "+key, append(as(key), "Content-Disposition", `attachment; filename="x.txt"`)...)
			if want := map[bool]int{true: 401, false: 201}[who.Anyone()]; r.Status != want {
				t.Fatalf("POST as %q: %d %q", key, r.Status, r.Body)
			} else if want == 201 {
				owned[key] = r.files(t)[0].ID
			}
		}
		seen := map[int]int{}
		for _, owner := range []string{"alice", "user1", "*"} {
			id := owned[owner]
			for key, who := range crowd {
				for _, method := range []string{"GET", "HEAD", "DELETE"} {
					missing := request(t, h, method, "/3f2b8a52-0c4e-4d3a-9b1e-2f6c7d8e9f00", as(key)...)
					for _, target := range []string{"/" + id, "/" + strings.Replace(id, "-", "%2d", 1), "/" + id + "?meta", "/" + strings.ToUpper(id), "/" + id + "/", "//" + id, "/%2f" + id} {
						for _, headers := range [][]string{{"If-Match", `"none"`}, {"If-Match", `"none"`, "Range", "bytes=0-0"}} {
							before := b.calls.Load()
							got := request(t, h, method, target, append(as(key), headers...)...)
							calls := b.calls.Load() - before
							what := method + " " + target + " of " + owner + " as " + key
							seen[got.Status]++
							if allowed := key == owner || who.Name == "bob" && method != "DELETE"; allowed && !strings.Contains(target, "//") && len(target) < 44 && strings.ToLower(target) == target && !strings.HasSuffix(target, "/") && !strings.Contains(target, "%2f") {
								if want := map[bool]int{true: 200, false: 412}[strings.HasSuffix(target, "?meta") && method != "DELETE"]; got.Status != want {
									t.Errorf("%s: %d, want %d", what, got.Status, want)
								}
								continue
							}
							same(t, what, got, missing)
							if calls != 0 {
								t.Errorf("%s: the backend saw %d calls", what, calls)
							}
						}
					}
				}
			}
		}
		// What a caller owns shows that each is who the header, or the cookie, says.
		for key := range crowd {
			r := request(t, h, "GET", "/?mine", append(as(key), "Accept", "application/json")...)
			if mine := strings.Count(r.Body, `"id"`); mine != map[bool]int{true: 0, false: 1}[key == ""] || key != "" && !strings.Contains(r.Body, owned[key]) {
				t.Errorf("the uploads of %q: %d %s", key, r.Status, r.Body)
			}
		}
		if seen[200] < 20 || seen[412] < 20 || seen[404] < 1000 {
			t.Errorf("too few cells: %v", seen)
		}
	})
}

// requestBody is like request, with a body.
func requestBody(t testing.TB, h http.Handler, method, target, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body)).WithContext(t.Context())
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// The control: a server that checks the prefix of the path before cleaning the path lets
// users read the files of others.
func TestMatrixControl(t *testing.T) {
	l, reached := matrixRules(t), 0
	for _, name := range matrixTree {
		for _, target := range spellings(t, name) {
			decoded, err := url.PathUnescape(target)
			if err != nil {
				continue
			}
			for _, who := range crowd {
				if who.Anyone() || !strings.HasPrefix(decoded, "/home/"+who.Name) {
					continue
				}
				n, err := vfs.ParseName(strings.TrimPrefix(path.Clean(decoded), "/"))
				if err != nil || !slices.Contains(matrixTree, n.String()) {
					continue
				}
				if _, ok := l.Decide(who, vfs.OpRead, n, nil); !ok {
					reached++
				}
			}
		}
	}
	if reached < 5 {
		t.Errorf("only %d cells reach a file of another user", reached)
	}
}
