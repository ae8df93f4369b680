package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// The password of all users of a hostileSite, and its bcrypt hash. Its cost is the lowest
// that there is, since thousands of users sign in.
const (
	hostilePassword = "password"
	hostileHash     = "$2a$04$9lIFrtkinMtFv1uYAsbf8uJsU1aUEDcw1fr14CZuK3WGMb/JOdVAa"
)

// A hostileSite is a server whose users, files, uploads and shares have hostile names.
type hostileSite struct {
	*server
	t *testing.T
	*place
	names    []string // hostile ones
	harmless []string // as many others, that break like long names
	users    []string // those of names that a user can have
}

func newHostileSite(t *testing.T) *hostileSite {
	t.Helper()
	s := &hostileSite{t: t, place: onDisk(t), names: hostileNames(t)}
	dir := t.TempDir()
	lines := "alice:" + hostileHash + "\nbob:" + hostileHash + "\ncarol:" + hostileHash + "\ndave:" + hostileHash + "\n"
	taken := map[string]bool{}
	for i, name := range s.names {
		s.harmless = append(s.harmless, fmt.Sprintf("harmless-name_%04d-that-is-long_enough-to-break.txt", i))
		// The file has one of several Unicode spellings.
		spelling := norm.NFC.String(name)
		if htpasswd.CheckName(name) == nil && !taken[spelling] {
			taken[spelling] = true
			s.users = append(s.users, name)
			lines += name + ":" + hostileHash + "\n"
		}
	}
	file, keys := filepath.Join(dir, "users"), filepath.Join(dir, "keys")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "", "keys", "new", keys)
	s.put(t, "hostile/first.txt", "x")
	s.server = serve(t, s.place, "users: {htpasswd: "+quote(file)+", sessions: {keys: "+quote(keys)+"}}\n"+
		"shares: {catalog: "+quote("sqlite:"+filepath.Join(dir, "shares.db"))+"}\n"+
		"mounts:\n"+
		"  - {source: SOURCE, allow: ['**'], list: true, write: true, no_index: true, access: [{who: authenticated, can: [read, list, write, delete, share]}]}\n"+
		"  - {path: /uploads, source: "+quote(t.TempDir())+", uploads: {catalog: "+quote("sqlite:"+filepath.Join(dir, "uploads.db"))+"}, access: [{who: authenticated, can: [upload]}, {who: owner, can: [read, delete]}]}\n")
	return s
}

// send makes a request as a user, like curl. The answer has one of the statuses.
func (s *hostileSite) send(user, method, path, contentType string, body []byte) []byte {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	if user != "" {
		r.SetBasicAuth(user, hostilePassword)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, got, err)
	}
	return got
}

// upload sends files with names by forms of up to 100.
func (s *hostileSite) upload(user, path string, names []string) {
	s.t.Helper()
	for some := range slices.Chunk(names, 100) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for _, name := range some {
			h := textproto.MIMEHeader{}
			h.Set("Content-Disposition", multipart.FileContentDisposition("file", name))
			part, err := w.CreatePart(h)
			if err != nil {
				s.t.Fatal(err)
			}
			part.Write([]byte("x"))
		}
		w.Close()
		s.send(user, "POST", path, w.FormDataContentType(), body.Bytes())
	}
}

// share shares a path and returns the path of the link.
func (s *hostileSite) share(user, path, note string, upload bool) (link string) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"path": path, "note": note, "upload": upload})
	if err != nil {
		s.t.Fatal(err)
	}
	var made struct{ URL string }
	if err := json.Unmarshal(s.send(user, "POST", "/.bailiwick/shares", "application/json", body), &made); err != nil {
		s.t.Fatal(err)
	}
	return made.URL
}

// skeletons returns the skeletons of the documents at paths, as the browser parses them. Their
// scripts do not run.
func (b *tab) skeletons(paths []string) (list []map[string]int) {
	b.t.Helper()
	for some := range slices.Chunk(paths, 200) {
		list = append(list, eval[[]map[string]int](b, `Promise.all(`+quoteAll(some)+`.map(async (path) => `+skeletonOf+`(await `+parse+`(path))))`)...)
	}
	return list
}

// parse loads a path and parses it.
const parse = `((path) => new Promise((done, fail) => { const x = new XMLHttpRequest();
	x.open("GET", path); x.setRequestHeader("Accept", "text/html"); x.responseType = "document";
	x.onload = () => x.status === 200 ? done(x.response) : fail(new Error(path + ": " + x.status)); x.onerror = () => fail(new Error(path)); x.send(); }))`

// openParser opens a tab to parse documents in. They have policies of their own, which do not
// allow what the policy of the page that parses them allows.
func openParser(t *testing.T, at string) *tab {
	t.Helper()
	b := open(t, at, desktop)
	call(b, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	return b
}

// allPages returns the paths of all pages of a list: of path, and of those that it leads to.
func (b *tab) allPages(path string) (paths []string) {
	b.t.Helper()
	for path != "" && len(paths) < 100 {
		paths = append(paths, path)
		path = eval[string](b, parse+"("+quote(path)+`).then((doc) => { const n = doc.querySelector("a[rel=next]"); return n ? `+quote(strings.Split(path, "?")[0])+` + n.getAttribute("href") : ""; })`)
	}
	return paths
}

func (b *tab) signOut() {
	b.t.Helper()
	eval[bool](b, `fetch("/.bailiwick/logout", {method: "POST"}).then(r => r.ok)`)
}

func quoteAll(list []string) string {
	q, _ := json.Marshal(list)
	return string(q)
}

// sameSkeleton fails the test for what hostile texts add to a page or remove from it.
func sameSkeleton(t *testing.T, what string, hostile, harmless map[string]int) {
	t.Helper()
	keys := maps.Clone(hostile)
	maps.Copy(keys, harmless)
	for key := range keys {
		if hostile[key] != harmless[key] {
			t.Errorf("%s has %d × %q, a harmless one has %d", what, hostile[key], key, harmless[key])
		}
	}
}

// Texts of users are text wherever they stand: a page with hostile ones has the same elements
// and attributes as one with harmless ones.
func TestHostileTexts(t *testing.T) {
	s := newHostileSite(t)
	for _, c := range []struct {
		name string
		test func(*hostileSite)
	}{
		{"users", hostileUsers}, {"uploads", hostileUploads}, {"notes of shares", hostileNotes}, {"file requests", hostileFileRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			on := *s
			on.t = t
			c.test(&on)
		})
	}
}

// The names of who is signed in.
func hostileUsers(s *hostileSite) {
	t := s.t
	least := 10
	if os.Getenv("BAILIWICK_CORPUS") != "" {
		least = 100
	}
	if len(s.users) < least {
		t.Fatalf("only %d names can be those of users", len(s.users))
	}
	t.Logf("%d users", len(s.users))
	b := openParser(t, s.url)
	b.signInWith("/hostile/", "alice", hostilePassword)
	pages := []string{"/hostile/", "/.bailiwick/shares", "/.bailiwick/shares?path=/hostile/", "/uploads/"}
	harmless := b.skeletons(pages)
	data, err := json.Marshal(harmless)
	if err != nil {
		t.Fatal(err)
	}
	const signIn = `((user) => fetch("/.bailiwick/login", {method: "POST", redirect: "manual", body: new URLSearchParams({user, password: "` + hostilePassword + `", next: "/hostile/"})}))`
	// The pages take turns: what shows the user is the same in each.
	for some := range slices.Chunk(s.users, 100) {
		for _, failure := range eval[[]string](b, `(async () => { const failures = [], pages = `+quoteAll(pages)+`, harmless = `+string(data)+`;
			const same = (a, b) => Object.keys({...a, ...b}).every(k => a[k] === b[k]);
			for (const [n, user] of `+quoteAll(some)+`.entries()) {
				await `+signIn+`(user);
				const i = n % pages.length, doc = await `+parse+`(pages[i]), is = `+skeletonOf+`(doc);
				if (doc.querySelector(":is(form, div).who bdi")?.textContent !== user) failures.push(user + " is not who is signed in on " + pages[i]);
				if (!same(is, harmless[i])) failures.push(user + " changes " + pages[i] + ": " + JSON.stringify(is));
			}
			return failures; })()`) {
			t.Error(short(failure))
		}
	}
	b = open(t, s.url, desktop)
	b.signInWith("/hostile/", "alice", hostilePassword)
	live := eval[map[string]int](b, skeleton)
	for _, user := range s.users[:min(20, len(s.users))] {
		eval[bool](b, signIn+`(`+quote(user)+`).then(() => true)`)
		b.visit("/hostile/")
		sameSkeleton(t, fmt.Sprintf("the page of %q", user), eval[map[string]int](b, skeleton), live)
		if got := eval[string](b, "document.querySelector(':is(form, div).who bdi').textContent"); got != user {
			t.Errorf("the page is that of %q, not %q", got, user)
		}
	}
}

// The names of uploads, however they come into the list of them.
func hostileUploads(s *hostileSite) {
	t := s.t
	s.upload("alice", "/uploads/", s.names)
	s.upload("carol", "/uploads/", s.harmless)
	var parsed, live [2][]map[string]int
	for i, user := range []string{"carol", "alice"} {
		b := openParser(t, s.url)
		b.signInWith("/uploads/", user, hostilePassword)
		pages := b.allPages("/uploads/")
		parsed[i] = b.skeletons(pages)
		// The newest come first: those with markup are the oldest.
		b = open(t, s.url, desktop)
		b.signInWith("/uploads/", user, hostilePassword)
		b.visit(pages[len(pages)-1])
		live[i] = append(live[i], eval[map[string]int](b, skeleton))
		delete(live[i][0], "wbr")
		if shown := b.texts("#mine tbody bdi"); i == 1 && !slices.Contains(shown, s.names[1]) {
			t.Errorf("the oldest page does not show %q, but %.20q", s.names[1], shown)
		}
	}
	if len(parsed[0]) != len(parsed[1]) || len(parsed[0]) < len(s.names)/100 {
		t.Fatalf("%d pages of hostile names, %d of harmless ones", len(parsed[1]), len(parsed[0]))
	}
	for i := range parsed[0] {
		sameSkeleton(t, fmt.Sprintf("page %d of the uploads", i), parsed[1][i], parsed[0][i])
	}
	sameSkeleton(t, "the oldest page of uploads", live[1][0], live[0][0])

	// What is uploaded now, the module shows.
	b := open(t, s.url, desktop)
	b.signInWith("/uploads/", "bob", hostilePassword)
	before := eval[map[string]int](b, skeleton)
	files := map[string]string{}
	for _, name := range s.names[:min(40, len(s.names))] {
		files[name] = "x"
	}
	from := local(t, files)
	var drop []string
	for name := range files {
		drop = append(drop, filepath.Join(from, name))
	}
	b.drop(drop...)
	b.wait(fmt.Sprintf("%s.length === %d", all("#mine tbody tr"), len(drop)))
	shown := b.texts("#mine tbody bdi")
	for name := range files {
		if !slices.Contains(shown, name) {
			t.Errorf("%q is not on the page as it is", name)
		}
	}
	// Rows, and the panel of uploads.
	known := []string{"tr", "td", "a", "bdi", "data", "time", "svg", "use", "wbr", "section", "div", "h2", "p", "ul", "li", "progress", "span", "button"}
	for key, n := range eval[map[string]int](b, skeleton) {
		element, attribute, _ := strings.Cut(key, " ")
		if before[key] == 0 && key != "body class" && (!slices.Contains(known, element) || strings.HasPrefix(attribute, "on") || attribute == "style") {
			t.Errorf("the dropped files made %d × %q", n, key)
		}
	}
}

// texts returns the texts of all elements that match a selector.
func (b *tab) texts(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, "[..."+all(selector)+"].map(e => e.textContent)")
}

// The notes of shares, and the paths that are shared.
func hostileNotes(s *hostileSite) {
	t := s.t
	for i, name := range s.names {
		s.put(t, "hostile/"+name, "x")
		s.put(t, "harmless/"+s.harmless[i], "x")
	}
	half := len(s.names) / 2 // a user may have 1,000 shares
	for i := range half {
		s.share("alice", "/hostile/"+s.names[i], s.names[i], false)
		s.share("bob", "/hostile/"+s.names[half+i], s.names[half+i], false)
		s.share("carol", "/harmless/"+s.harmless[i], s.harmless[i], false)
	}
	b, live := openParser(t, s.url), open(t, s.url, desktop)
	const own = "/.bailiwick/shares"
	var harmless []map[string]int
	for _, user := range []string{"carol", "alice", "bob"} {
		b.signInWith(own, user, hostilePassword)
		paths := b.allPages(own)
		parsed := b.skeletons(paths)
		b.signOut()
		if user == "carol" {
			harmless = parsed
			continue
		}
		if len(parsed) != len(harmless) {
			t.Fatalf("%d pages of hostile notes, %d of harmless ones", len(parsed), len(harmless))
		}
		for i := range parsed {
			sameSkeleton(t, fmt.Sprintf("page %d of the shares of %s", i, user), parsed[i], harmless[i])
		}
		live.signInWith(own, user, hostilePassword)
		seen := 0
		for _, path := range paths {
			live.visit(path)
			notes, shared := live.texts("ul.shares p bdi"), live.texts("ul.shares .head bdi")
			for i, note := range notes {
				if len(shared) != len(notes) || shared[i] != "/hostile/"+note {
					t.Fatalf("the note %q is that of one of %q", note, shared)
				}
			}
			seen += len(notes)
		}
		live.signOut()
		if seen != half {
			t.Errorf("the pages of %s show %d shares of %d", user, seen, half)
		}
	}
	b.signInWith("/hostile/", "alice", hostilePassword)
	form := b.skeletons([]string{own + "?path=/harmless/" + s.harmless[0]})[0]
	links := eval[[]string](b, "[..."+all("#list .share")+"].map(e => e.getAttribute('href'))")
	if len(links) < len(s.names) {
		t.Fatalf("%d rows of %d lead to a form", len(links), len(s.names))
	}
	for i, is := range b.skeletons(links) {
		sameSkeleton(t, "the form "+links[i], is, form)
	}
}

// The names of files that a guest sends, where their receiver sees them.
func hostileFileRequest(s *hostileSite) {
	t := s.t
	names := s.names[:min(200, len(s.names))]
	s.upload("", s.share("dave", "/inbox/", "", true), names)
	s.upload("", s.share("dave", "/plain/", "", true), s.harmless[:len(names)])
	b := openParser(t, s.url)
	b.signInWith("/inbox/", "alice", hostilePassword)
	if got := len(b.names()); got != len(names) {
		t.Fatalf("the folder has %d files of %d", got, len(names))
	}
	is := b.skeletons([]string{"/inbox/", "/plain/"})
	sameSkeleton(t, "the folder", is[0], is[1])
}
