package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// addShare stores a share that nobody was asked about, and returns its link.
func (s *sharingServer) addShare(share catalog.Share) (link string) {
	s.t.Helper()
	share.ID = uuid.New()
	var token [16]byte
	copy(token[:], share.ID[:])
	binary.BigEndian.PutUint16(token[6:], 0xffff)
	share.Token = sha256.Sum256(token[:])
	share.Created = time.Now().Truncate(time.Microsecond)
	if share.Expires.IsZero() {
		share.Expires = share.Created.Add(time.Hour)
	}
	if err := s.store.AddShare(s.t.Context(), share, 1_000_000); err != nil {
		s.t.Fatal(err)
	}
	return "/.bailiwick/s/" + base64.RawURLEncoding.EncodeToString(token[:])
}

// TestShareMatrix opens every name of the matrix, in every spelling, through shares of every
// kind by every issuer, also such that the issuer could not have made. A share opens exactly
// what lies below its path, what its issuer may read, and what its issuer may share.
func TestShareMatrix(t *testing.T) {
	s := newSharing(t)
	plant(t, s.tree, matrixTree...)
	l := matrixRules(t)
	s.who, s.policy = people{}, matrixPolicy()
	for key, who := range crowd {
		who.Method = "basic"
		s.who[key] = who
	}
	p := matrixPolicy()
	p.Authorize = l
	explained := jailOver(t, s.tree, p)
	// Sharing is for some of them, and some of what they may read.
	sharing := func(who auth.Principal, n string) bool {
		return who.Name != "bob" && !strings.HasPrefix(n, "home/alice/deep")
	}
	s.change = func(c *server.ShareConfig) {
		p := matrixPolicy()
		p.Authorize = access.Func(func(_ context.Context, who auth.Principal, op vfs.Op, n vfs.Name) bool {
			if op == access.OpShare {
				return sharing(who, n.String())
			}
			_, ok := l.Decide(who, op, n, nil)
			return ok
		})
		c.Mounts = []server.ShareMount{{Path: "/files", Jail: jailOver(t, s.tree, p), Config: server.Config{List: true, Write: true, NoIndex: true, Logger: quiet}}}
		c.Find = func(_ string, u *url.URL) (int, *url.URL) {
			rest, ok := strings.CutPrefix(u.Path, "/files")
			if !ok {
				return -1, nil
			}
			return 0, &url.URL{Path: rest}
		}
	}
	s.apply()
	gone := s.get("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/")
	names := slices.Concat(matrixTree, matrixMissing)
	there := map[string]bool{}
	for _, name := range matrixTree {
		there[name] = true
	}
	seen := map[bool]int{}
	for key, who := range crowd {
		if key == "" || testing.Short() && key != "alice" && key != "bob" && key != "user1" {
			continue
		}
		for _, c := range []struct {
			path string
			dir  bool
		}{{"/", true}, {"/home", true}, {"/home/alice", true}, {"/home/user1", true}, {"/home/" + who.Name, true}, {"/public", true}, {"/law", true},
			{"/home/alice/a.txt", false}, {"/home/alice/a.txt", true}, {"/home/alice", false}, {"/top/alice", false}, {"/home/alice/secret.txt", false}, {"/public/p.txt", false}} {
			if _, err := vfs.ParseName(strings.TrimPrefix(c.path, "/")); err != nil && c.path != "/" {
				continue // a user called ".."
			}
			link := s.addShare(catalog.Share{Issuer: who.Name, Way: "basic", Path: strings.TrimSuffix("/files"+c.path, "/"), Dir: c.dir})
			at := strings.Trim(c.path, "/")
			// A share has no claims, and one of a directory needs the right to list it.
			may := func(op vfs.Op, n vfs.Name) bool {
				return explained.Explain(auth.WithPrincipal(t.Context(), auth.Principal{Name: who.Name}), op, n).Allowed
			}
			top := vfs.Root
			if at != "" {
				var err error
				if top, err = vfs.ParseName(at); err != nil {
					t.Fatal(err)
				}
			}
			mayList := may(vfs.OpList, top) && sharing(who, at)
			for _, name := range names {
				for i, target := range spellings(t, name) {
					if target[0] != '/' || testing.Short() && i > 3 {
						continue
					}
					sent, _, _ := strings.Cut(target, "?")
					n, err := vfs.ParseEscapedPath(strings.TrimPrefix(sent, "/"))
					full := n.String()
					switch {
					case !c.dir && sent == "/":
						full, err = at, nil
					case err != nil:
					case c.dir && at != "":
						full = at + "/" + full
					case !c.dir && full == path.Base(at):
						full = at
					case !c.dir:
						full = ""
					}
					want := false
					if err == nil && there[full] {
						f, err := vfs.ParseName(full)
						if err != nil {
							t.Fatal(err)
						}
						want = may(vfs.OpRead, f) && sharing(who, full) && (!c.dir || mayList)
					}
					// The caller's own credentials make no difference.
					got := s.get(link+target, as("alice")...)
					seen[want]++
					what := who.Name + " shares " + c.path + ": " + target
					switch {
					case want && (got.Status != 200 || got.Body != full):
						t.Errorf("%s: %d %q, want %q", what, got.Status, got.Body, full)
					case !want && got.Status == 200 && !strings.HasSuffix(sent, "/") || got.Status == 200 && !want && there[got.Body]:
						t.Errorf("%s: %d %q", what, got.Status, got.Body)
					case !want && got.Status == 404:
						same(t, what, got, clone(gone))
					}
				}
			}
		}
	}
	if seen[true] < 60 || seen[false] < 3000 {
		t.Errorf("too few cells: %v", seen)
	}
}

func clone(r reply) reply { return reply{r.Status, r.Header.Clone(), r.Body} }

// TestShareEnumeration asks, by every means of HTTP, for shares that open nothing for
// different reasons. They cannot be told apart.
func TestShareEnumeration(t *testing.T) {
	s := newSharing(t)
	limit := 1 << 40
	now := time.Now()
	s.change = func(c *server.ShareConfig) {
		c.Guesses = auth.NewFailures(auth.FailureLimits{Burst: limit, Now: func() time.Time { return now }})
	}
	s.apply()
	base := catalog.Share{Issuer: "alice", Way: "basic", Path: "/files/docs/pub", Dir: true}
	with := func(change func(*catalog.Share)) string {
		share := base
		change(&share)
		return s.addShare(share)
	}
	expired := with(func(c *catalog.Share) { c.Expires = time.Now().Add(50 * time.Millisecond).Truncate(time.Microsecond) })
	used := with(func(c *catalog.Share) { c.Limit = 1 })
	if r := s.get(used + "/a.txt"); r.Status != 200 {
		t.Fatalf("the only use: %d", r.Status)
	}
	revoked := s.share("alice", fields{"path": "/files/docs/pub"})
	if r := s.get(revoked.URL); r.Status != 200 {
		t.Fatal(r.Status)
	}
	s.send("DELETE", "/.bailiwick/shares/"+revoked.ID, "", as("alice")...)
	kinds := map[string]string{
		"used up": used, "revoked": strings.TrimSuffix(revoked.URL, "/"),
		"the issuer is gone":    with(func(c *catalog.Share) { c.Issuer = "nobody" }),
		"the issuer, otherwise": with(func(c *catalog.Share) { c.Way = "oidc" }),
		"may not share":         with(func(c *catalog.Share) { c.Issuer = "bob" }),
		"denied":                with(func(c *catalog.Share) { c.Path, c.Dir = "/files/docs/pub/secret.txt", false }),
		"denied, with password": with(func(c *catalog.Share) { c.Path, c.Dir, c.Password = "/files/docs/pub/secret.txt", false, "x" }),
		"denied to write":       with(func(c *catalog.Share) { c.Issuer, c.Upload = "bob", true }),
		"no mount":              with(func(c *catalog.Share) { c.Path = "/elsewhere" }),
		"no path":               with(func(c *catalog.Share) { c.Path = "/files/docs/../docs/pub" }),
		"another host":          with(func(c *catalog.Share) { c.Host = "other.example" }),
		"the own paths":         with(func(c *catalog.Share) { c.Path = used }),
		"malformed":             "/.bailiwick/s/AAAA", "another spelling of zero bits": "/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAB",
		"padding": used + "==", "the other alphabet": "/.bailiwick/s/++++++++++++++++++++/A",
	}
	kinds["expired"] = expired
	await(t, func() bool { return s.get(expired).Status == 404 })
	tries := append(slices.Clone(probes), struct {
		method, suffix string
		headers        []string
	}{"POST", "/", []string{"Content-Type", "application/x-www-form-urlencoded"}}, struct {
		method, suffix string
		headers        []string
	}{"GET", "/", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}}, struct {
		method, suffix string
		headers        []string
	}{"GET", "/?zip", nil})
	compare := func(what string, status int) {
		t.Helper()
		for _, probe := range tries {
			for _, headers := range [][]string{nil, as("alice")} {
				headers = append(slices.Clone(probe.headers), headers...)
				unknown := s.send(probe.method, "/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA"+probe.suffix, "password=x", headers...)
				if isToken := strings.Trim(probe.suffix[:min(1, len(probe.suffix))], "/?") == ""; isToken && unknown.Status != status {
					t.Errorf("%s: %s %s: %d, want %d", what, probe.method, probe.suffix, unknown.Status, status)
				}
				for kind, link := range kinds {
					same(t, what+kind+": "+probe.method+" "+probe.suffix, s.send(probe.method, link+probe.suffix, "password=x", headers...), clone(unknown))
				}
			}
		}
	}
	compare("", 404)
	// A client that asked for too many, which sees of a text that it is no token.
	for kind, link := range kinds {
		if !strings.HasPrefix(link, "/.bailiwick/s/") || len(link) != len(used) || strings.HasSuffix(link, "B") || strings.Contains(link, "+") {
			delete(kinds, kind)
		}
	}
	if len(kinds) < 12 {
		t.Errorf("%d kinds of tokens", len(kinds))
	}
	limit = 1
	s.apply()
	s.get("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA")
	compare("beyond the limit: ", 429)
	if live := s.share("alice", fields{"path": "/files/docs/pub"}); s.get(live.URL).Status != 200 {
		t.Error("beyond the limit, what exists does not open")
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			t.Fatal("it never happened")
		}
	}
}

// TestShareTraversal asks for every attack of the table and the corpus below a share. The
// control joins the strings, and leaks.
func TestShareTraversal(t *testing.T) {
	s := newSharing(t)
	link := strings.TrimSuffix(s.share("alice", fields{"path": "/files/docs/pub"}).URL, "/")
	upward := []string{
		"/../other.txt", "/..%2fother.txt", "/%2e%2e/other.txt", "/%2e%2e%2fother.txt", "/deep/../../other.txt", "/..;/other.txt", "/..%5cother.txt", "/%252e%252e/other.txt",
		"/../../top.txt", "/.././../top.txt", "//../../other.txt", "/deep/%2e%2e/%2e%2e/other.txt", "/..//other.txt", "/../pubx.txt", "x.txt", "x/../other.txt", "/%c0%ae%c0%ae/other.txt", "/..%00/other.txt",
		"/../nested/n.txt", "/%2e./nested/n.txt", "/../pub/secret.txt", "/secret.txt", "/SECRET.TXT", "/secret.txt/", "/secret.txt%20", "/./secret.txt", "/deep/../secret.txt",
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range vfstest.Attacks() {
		corpus = append(corpus, vfstest.Payload{Raw: a.Raw})
	}
	for _, p := range corpus {
		upward = append(upward, "/"+p.Raw, "/"+url.PathEscape(p.Raw))
	}
	all := contents(t, s.tree)
	naive := func(target string) string {
		decoded, err := url.PathUnescape(target)
		if err != nil {
			return ""
		}
		return all[strings.TrimPrefix(path.Clean("/docs/pub"+decoded), "/")]
	}
	asked, leaked := 0, 0
	for _, target := range upward {
		u, err := url.ParseRequestURI(link + target)
		if err != nil || u.Path == "" {
			continue
		}
		asked++
		r := s.get(link + target)
		if strings.Contains(r.Body, canary) || strings.Contains(r.Header.Get("Location"), "..") {
			t.Errorf("%s: %d %q %v", target, r.Status, r.Body, r.Header)
		}
		if naive(target) == canary {
			leaked++
			s.gone(target, link+target)
		}
	}
	t.Logf("%d targets; the control leaks %d", asked, leaked)
	if leaked < 10 {
		t.Errorf("the control leaks only %d", leaked)
	}
}

// TestShareTakesNoCredentials sends what opens more elsewhere: credentials of users do not
// widen a share, and what opened a share is not good for another one, or after it is gone.
func TestShareTakesNoCredentials(t *testing.T) {
	s := newSharing(t)
	dir := s.addShare(catalog.Share{Issuer: "alice", Way: "basic", Path: "/files/docs/pub", Dir: true})
	for _, target := range []string{"/secret.txt", "/../other.txt"} {
		s.gone(target, dir+target, as("alice")...)
	}
	for _, method := range []string{"PUT", "DELETE", "MOVE", "COPY", "POST"} {
		r := s.send(method, dir+"/a.txt", "x", append(as("alice"), "Destination", "/files/docs/b.txt", "If-Match", "*")...)
		if r.Status != 405 {
			t.Errorf("%s: %d", method, r.Status)
		}
	}
	all := contents(t, s.tree)
	if len(all) != len(sharedTree) || all["docs/pub/a.txt"] != "the file a" {
		t.Errorf("%v", all)
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	m := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"})
	set, err := http.ParseSetCookie(s.send("POST", m.URL, "password=right", form...).Header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	cookie := []string{"Cookie", set.Name + "=" + set.Value}
	if r := s.get(m.URL+"a.txt", cookie...); r.Status != 200 {
		t.Errorf("with the cookie: %d", r.Status)
	}
	s.gone("a name above", m.URL+"../other.txt", cookie...)
	again := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"})
	if r := s.get(again.URL, cookie...); r.Status != 401 {
		t.Errorf("the cookie of another share with this password: %d", r.Status)
	}
	s.send("DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...)
	s.gone("a revoked share", m.URL, cookie...)
	// A cookie that was sealed without a password.
	open := s.addShare(catalog.Share{Issuer: "alice", Way: "basic", Path: "/files/docs/pub", Dir: true, Password: "no hash"})
	for _, password := range []string{"", "no hash", "right"} {
		if r := s.send("POST", open+"/", "password="+url.QueryEscape(password), form...); r.Status != 401 {
			t.Errorf("%q against no hash: %d", password, r.Status)
		}
	}
}

// TestShareRightLostMeanwhile takes the right away while a download runs. The download is
// completed, as the documents say, and the next request gets nothing.
func TestShareRightLostMeanwhile(t *testing.T) {
	s := newSharing(t)
	big := strings.Repeat("0123456789abcdef", 1<<20)
	n, err := vfs.ParseName("docs/pub/big.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.tree.Put(t.Context(), n, strings.NewReader(big), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	m := s.share("alice", fields{"path": "/files/docs/pub/big.bin"})
	resp, err := client.Get(s.url + m.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begun := make([]byte, 1000)
	if _, err := io.ReadFull(resp.Body, begun); err != nil {
		t.Fatal(err)
	}
	s.policy.Deny = append(s.policy.Deny, vfs.Patterns("docs/pub/big.bin")...)
	s.apply()
	s.gone("the next request", m.URL)
	s.gone("the rest of it", m.URL, "Range", "bytes=1000-")
	rest, err := io.ReadAll(resp.Body)
	if err != nil || len(begun)+len(rest) != len(big) {
		t.Errorf("the running download: %d bytes, %v", len(begun)+len(rest), err)
	}
}
