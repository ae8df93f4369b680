package browser

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A folder is the folder of one test. All of them are on one server.
type folder struct {
	*place
	server *server
	name   string
}

// TestDetails tests what a person notices only while working with the page for long.
func TestDetails(t *testing.T) {
	p := onDisk(t)
	s := serve(t, p, writable)
	for _, c := range []struct {
		name string
		test func(t *testing.T, f folder)
	}{
		{"preview-keys", previewKeys}, {"refresh-keeps", refreshKeeps}, {"picked-keys", pickedKeys},
		{"unreadable", uploadUnreadable}, {"pause", uploadPause}, {"cancel-paused", cancelPaused}, {"lost-large", uploadLostLarge},
		{"spelling", uploadSpelling}, {"one-refresh", uploadRefreshesOnce},
		{"rename-from-top", renameFromTop}, {"rename-over", renameOverChanged}, {"rename-over-form", renameOverWithoutScript}, {"delete-many", deleteMany}, {"zip-many", zipMany},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, folder{p, s, c.name}) })
	}
}

func (f folder) put(t *testing.T, name, content string) {
	t.Helper()
	f.place.put(t, path.Join(f.name, name), content)
}

func (f folder) stored(b *tab, name, content string) {
	b.t.Helper()
	b.stored(f.place, path.Join(f.name, name), content)
}

func (f folder) open(t *testing.T) *tab { return f.openAt(t, f.server.url) }

func (f folder) openAt(t *testing.T, url string) *tab {
	t.Helper()
	if _, err := os.Stat(filepath.Join(f.dir, f.name)); err != nil {
		f.put(t, "here.txt", "x") // an empty folder is no page
	}
	b := open(t, url, desktop)
	b.visit("/" + f.name + "/")
	return b
}

// drop drops files of this machine.
func (f folder) drop(b *tab, files map[string]string, names ...string) {
	b.t.Helper()
	from, paths := local(b.t, files), []string{}
	for _, name := range names {
		paths = append(paths, filepath.Join(from, name))
	}
	b.drop(paths...)
}

// The arrow keys lead through all files, whatever had the focus.
func previewKeys(t *testing.T, f folder) {
	for i := range 4 {
		f.put(t, fmt.Sprintf("%d.txt", i), fmt.Sprintf("text %d.", i))
	}
	b := f.open(t)
	b.click(link("0.txt"))
	b.wait(shows("text 0."))
	for i := range 3 {
		b.press(kb.ArrowRight)
		b.wait(shows(fmt.Sprintf("text %d.", i+1)))
	}
	b.press(kb.ArrowLeft)
	b.wait(shows("text 2."))
	b.click(named("Next file")) // the button is not there for the last file
	b.wait(shows("text 3."))
	b.press(kb.ArrowLeft)
	b.wait(shows("text 2."))
	b.press(kb.Escape)
	b.wait("!document.querySelector('dialog')")
	b.wait("document.activeElement === " + link("2.txt"))
}

const checked = `[...document.querySelectorAll("#list tbody tr")].filter(r => r.querySelector("input:checked")).map(r => r.querySelector("a").textContent)`

// What is selected, and what has the focus, stays so when the list is updated. A file that has
// changed is not selected any more: the person has not seen it.
func refreshKeeps(t *testing.T, f folder) {
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		f.put(t, name, "x")
	}
	b := f.open(t)
	b.click(named("Select"))
	for _, name := range []string{"a.txt", "c.txt"} {
		b.click(row(name) + ".querySelector('input')")
	}
	focus := link("b.txt")
	update := func(name string) {
		t.Helper()
		eval[bool](b, "("+focus+").focus() || true")
		f.drop(b, map[string]string{name: "new"}, name)
		b.wait(link(name))
		if !eval[bool](b, "document.activeElement === "+focus) {
			t.Errorf("the focus went to %s", eval[string](b, "document.activeElement.outerHTML.slice(0, 200)"))
		}
	}
	update("new.txt")
	if got, want := eval[[]string](b, checked), []string{"a.txt", "c.txt"}; !slices.Equal(got, want) {
		t.Errorf("%q is selected, want %q", got, want)
	}
	b.wait(shows("2 selected"))
	f.put(t, "a.txt", "changed")
	focus = row("b.txt") + ".querySelector('.more')"
	update("newer.txt")
	if got, want := eval[[]string](b, checked), []string{"c.txt"}; !slices.Equal(got, want) {
		t.Errorf("%q is selected, want %q", got, want)
	}
	b.wait(shows("1 selected"))
}

// What is done with the selection can be done by keyboard.
func pickedKeys(t *testing.T, f folder) {
	f.put(t, "a.txt", "x")
	f.put(t, "b.txt", "x")
	b := f.open(t)
	b.click(named("Select"))
	all := namedIn("document.querySelector('#picked')", "All")
	eval[bool](b, "("+all+").focus() || true")
	b.press(kb.Enter)
	b.wait(shows("2 selected"))
	b.wait("document.activeElement === " + all)
	b.accessible()
}

// Files and folders that cannot be read are not left out silently.
func uploadUnreadable(t *testing.T, f folder) {
	b := f.open(t)
	eval[bool](b, `(() => {
		const file = (name, text) => ({isFile: true, name, file: (ok, no) => text ? ok(new File([text], name)) : no(new DOMException("", "NotReadableError"))});
		let calls = 0;
		const readEntries = (ok, no) => calls++ ? no(new DOMException("", "NotReadableError")) : ok([file("good.txt", "good"), file("bad.txt")]);
		DataTransferItem.prototype.webkitGetAsEntry = () => ({name: "folder", createReader: () => ({readEntries})});
		return true; })()`)
	f.drop(b, map[string]string{"folder/any.txt": "x"}, "folder")
	b.wait(shows("Some files were not uploaded"))
	b.wait(shows("It could not be read."))
	b.wait(shows("This folder could not be read to its end."))
	b.wait(shows("folder/bad.txt"))
	b.wait(shows("1 of 3 files"))
	f.stored(b, "folder/good.txt", "good")
	b.accessible()
}

// answering returns a server in front of another one that calls answer with each answer to a
// PUT before that is passed on.
func answering(t *testing.T, to string, answer func(*http.Response)) string {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Method == http.MethodPut {
				answer(r)
			}
			return nil
		},
	})
	t.Cleanup(p.Close)
	return p.URL
}

// A file that the server has stored is no conflict with itself after a pause.
func uploadPause(t *testing.T, f folder) {
	pass := make(chan struct{})
	b := f.openAt(t, answering(t, f.server.url, func(r *http.Response) {
		select {
		case <-pass:
		case <-r.Request.Context().Done():
		}
	}))
	b.expect(412)
	f.drop(b, map[string]string{"a.txt": "mine"}, "a.txt")
	f.stored(b, "a.txt", "mine")
	b.click(named("Pause"))
	b.click(named("Resume"))
	close(pass)
	b.wait(shows("1 of 1 file") + " || document.querySelector('dialog')")
	if eval[bool](b, "!!document.querySelector('dialog')") {
		t.Error("the file is a conflict with itself")
	}
	f.stored(b, "a.txt", "mine")
}

// Neither is a large one whose answer was lost.
func uploadLostLarge(t *testing.T, f folder) {
	var once sync.Once
	b := f.openAt(t, answering(t, f.server.url, func(r *http.Response) {
		lost := false
		once.Do(func() { lost = true })
		if lost {
			panic(http.ErrAbortHandler)
		}
	}))
	b.expect(0, 412)
	content := strings.Repeat("0123456789abcdef", 17<<16)
	f.drop(b, map[string]string{"large.bin": content}, "large.bin")
	b.wait(shows("1 of 1 file") + " || document.querySelector('dialog')")
	if eval[bool](b, "!!document.querySelector('dialog')") {
		t.Error("the file is a conflict with itself")
	}
	f.stored(b, "large.bin", content)
}

// What waits during a pause can be canceled.
func cancelPaused(t *testing.T, f folder) {
	pass := make(chan struct{})
	b := f.openAt(t, answering(t, f.server.url, func(r *http.Response) {
		select {
		case <-pass:
		case <-r.Request.Context().Done():
		}
	}))
	files, names := map[string]string{}, []string{}
	for i := range 6 { // more than are sent at once
		names = append(names, fmt.Sprintf("%d.txt", i))
		files[names[i]] = "mine"
	}
	f.drop(b, files, names...)
	for _, name := range names[:4] {
		f.stored(b, name, "mine")
	}
	b.click(named("Pause"))
	close(pass)
	b.wait(shows("4 of 6 files"))
	b.click(named("Cancel all"))
	b.wait(shows("4 of 4 files"))
	b.wait(link(names[3]))
	if eval[bool](b, "!!"+named("Resume")) {
		t.Error("nothing is left, but it can be resumed")
	}
}

// Names that the server does not take are said to be that; where only the form of accents is
// not taken, the other form is offered, once.
func uploadSpelling(t *testing.T, f folder) {
	b := f.open(t)
	b.expect(404, 422)
	f.drop(b, map[string]string{"folder/Mu\u0308ller.txt": "x", "folder/Mo\u0308ller.txt": "y", "folder/.DS_Store": "z"}, "folder")
	b.wait("document.querySelector('dialog')")
	b.accessible()
	b.click(namedIn(question, "Upload"))
	b.wait(shows("2 of 3 files"))
	b.wait(shows("names that begin with a dot"))
	f.stored(b, "folder/M\u00fcller.txt", "x")
	f.stored(b, "folder/M\u00f6ller.txt", "y")
}

// The list, which may be long, is loaded once, after the last file.
func uploadRefreshesOnce(t *testing.T, f folder) {
	b := f.open(t)
	eval[bool](b, `(() => { const open = XMLHttpRequest.prototype.open; window.bailiwickTestLoads = 0;
		XMLHttpRequest.prototype.open = function(method, ...rest) { if (method === "GET") window.bailiwickTestLoads++; return open.call(this, method, ...rest); };
		return true; })()`)
	files, names := map[string]string{}, []string{}
	for i := range 120 {
		names = append(names, fmt.Sprintf("%03d.txt", i))
		files[names[i]] = "x"
	}
	f.drop(b, files, names...)
	b.wait("document.querySelectorAll('#list tbody tr').length === 121")
	if n := eval[int](b, "window.bailiwickTestLoads"); n != 1 {
		t.Errorf("the list was loaded %d times", n)
	}
}

// A path with a slash before it begins at the top, as in the form without scripts.
func renameFromTop(t *testing.T, f folder) {
	f.put(t, "a.txt", "x")
	b := f.open(t)
	b.expect(404)
	b.click(row("a.txt") + ".querySelector('.more')")
	b.click(named("Rename or move"))
	to := question + ".querySelector('input[type=text]')"
	b.fill(to, "../b.txt")
	b.click(namedIn(question, "Move"))
	b.wait(shows("“..” is not possible"))
	b.fill(to, "/"+f.name+"/sub/b.txt")
	b.click(namedIn(question, "Move"))
	b.wait("!document.querySelector('dialog')")
	f.stored(b, "sub/b.txt", "x")
}

// To delete many files shows how far it is, warns before the page is left, and can be ended.
func deleteMany(t *testing.T, f folder) {
	for i := range 8 {
		f.put(t, fmt.Sprintf("%d.txt", i), "x")
	}
	b := f.open(t)
	eval[bool](b, `(() => { const send = window.fetch; let n = 0;
		const held = new Promise(done => { window.bailiwickTestGoOn = done; });
		window.fetch = (url, o) => o?.method === "DELETE" && n++ ? held.then(() => send(url, o)) : send(url, o);
		return true; })()`)
	b.click(named("Select"))
	b.click(named("All"))
	b.click(namedIn("document.querySelector('#picked')", "Delete"))
	b.click(namedIn(question, "Delete"))
	b.wait(shows("1 of 8 files"))
	b.wait(shows("Deleting"))
	if !eval[bool](b, `(e => { dispatchEvent(e); return e.defaultPrevented; })(new Event("beforeunload", {cancelable: true}))`) {
		t.Error("nothing warns who leaves the page")
	}
	b.accessible()
	b.click(named("Cancel all"))
	eval[bool](b, "window.bailiwickTestGoOn() || true")
	b.wait(shows("5 of 5 files"))
	// What was under way is done, and the list says what is left.
	b.wait("document.querySelectorAll('#list tbody tr').length === 3")
	for i := range 8 {
		name := fmt.Sprintf("%d.txt", i)
		if _, there := f.has(path.Join(f.name, name)); there != eval[bool](b, "!!"+link(name)) {
			t.Errorf("%s: there is %t", name, there)
		}
	}
}

// A file that is changed while the question stands whether to replace it is not lost, and the
// question says what is there.
func renameOverChanged(t *testing.T, f folder) {
	f.put(t, "a.txt", "mine")
	f.put(t, "b.txt", "theirs")
	b := f.open(t)
	b.expect(412)
	b.click(row("a.txt") + ".querySelector('.more')")
	b.click(named("Rename or move"))
	b.fill(question+".querySelector('input[type=text]')", "b.txt")
	b.click(namedIn(question, "Move"))
	b.wait(shows("Replace the file there?"))
	b.wait(shows("6 bytes"))
	f.put(t, "b.txt", "changed meanwhile")
	b.click(namedIn(question, "Replace"))
	b.wait(shows("17 bytes"))
	f.stored(b, "b.txt", "changed meanwhile")
	b.click(namedIn(question, "Replace"))
	b.wait("!document.querySelector('dialog')")
	f.stored(b, "b.txt", "mine")
}

// The same by a form.
func renameOverWithoutScript(t *testing.T, f folder) {
	f.put(t, "a.txt", "mine")
	f.put(t, "b.txt", "theirs")
	b := open(t, f.server.url, view{width: 390, noScript: true})
	b.expect(412)
	b.visit("/" + f.name + "/?show=a.txt")
	b.fill(css("input[name=to]"), "b.txt")
	b.load(func() { b.click(named("Move")) })
	b.wait(shows("6 B"))
	b.accessible()
	f.put(t, "b.txt", "changed meanwhile")
	b.load(func() { b.click(named("Replace")) })
	b.wait(shows("17 B"))
	f.stored(b, "b.txt", "changed meanwhile")
	b.load(func() { b.click(named("Replace")) })
	f.stored(b, "b.txt", "mine")
	if b.path() != "/"+f.name+"/" {
		t.Errorf("the page is %s", b.path())
	}
}

// However many entries are selected, they can be downloaded.
func zipMany(t *testing.T, f folder) {
	const n = 400
	for i := range n {
		f.put(t, fmt.Sprintf("%03d %s.txt", i, strings.Repeat("long ", 10)), "x")
	}
	b := f.open(t)
	b.click(named("Select"))
	b.click(named("All"))
	download := namedIn("document.querySelector('#picked')", "Download as zip")
	if got := eval[string](b, download+".getAttribute('href')"); got != "?zip" {
		t.Errorf("all entries are %.200q", got)
	}
	b.click("document.querySelector('#list tbody input')")
	b.wait(shows(fmt.Sprintf("%d selected", n-1)))
	var files int
	for _, href := range eval[[]string](b, "[...document.querySelectorAll('#picked a')].map(a => a.href)") {
		resp, err := http.Get(href)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %v %s", resp.StatusCode, err, data)
		}
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		files += len(r.File)
	}
	if files != n-1 {
		t.Errorf("the archives have %d files, want %d", files, n-1)
	}
	b.fits()
}

// The page of uploads offers to delete a file only to those who may, also without scripts.
func TestDeleteUpload(t *testing.T) {
	for _, can := range []string{"upload, read", "upload, read, delete"} {
		t.Run(can, func(t *testing.T) {
			p := onDisk(t)
			s := serve(t, p, "mounts: [{source: SOURCE, access: [{who: anyone, can: ["+can+"]}], uploads: {catalog: 'sqlite:"+filepath.Join(t.TempDir(), "catalog.db")+"'}}]\n")
			b := open(t, s.url, desktop)
			b.visit("/")
			b.drop(filepath.Join(local(t, map[string]string{"a.txt": "mine"}), "a.txt"))
			more := css("#mine .more")
			b.click(more)
			b.wait(visible(namedIn(question, "Download")))
			if offered, may := eval[bool](b, "!!"+namedIn(question, "Delete")), strings.HasSuffix(can, "delete"); offered != may {
				t.Fatalf("the page offers it: %t, want %t", offered, may)
			} else if !may {
				return
			}
			ask := eval[string](b, more+".getAttribute('href')")
			plain := open(t, s.url, view{width: 390, noScript: true})
			plain.visit("/" + ask)
			plain.wait(shows("a.txt"))
			plain.accessible()
			plain.load(func() { plain.click(named("Delete")) })
			if plain.path() != "/" {
				t.Errorf("the page is %s", plain.path())
			}
			b.expect(404) // it is gone by now
			b.click(namedIn(question, "Delete"))
			b.wait(shows("It was not deleted"))
		})
	}
}

// A mount below another one, which is no entry of that, can be found by those who may open it.
func TestMountsBelow(t *testing.T) {
	p := onDisk(t)
	p.put(t, "folder/a.txt", "x")
	at := func(path, more string) string {
		return "- {path: " + quote(path) + ", source: '" + t.TempDir() + "', " + more + "}\n"
	}
	uploads := func(who string) string {
		return "access: [{who: " + who + ", can: [upload]}], uploads: {catalog: 'sqlite:" + filepath.Join(t.TempDir(), "catalog.db") + "'}"
	}
	b := open(t, serve(t, p, users(t, "alice")+"mounts:\n- {path: /, source: SOURCE, allow: ['**'], list: true, no_index: true}\n"+
		at("/Inbox", uploads("anyone"))+at("/folder/Letters & more", "allow: ['**'], list: true")+
		at("/private", uploads("authenticated"))+at("/team", "allow: ['**'], list: true, access: [{who: authenticated, can: [read, list]}]")+at("/raw", "allow: ['**']")).url, phone)
	leads := func(want ...string) {
		t.Helper()
		if got := eval[[]string](b, "[...document.querySelectorAll('header a.who:not(.btn)')].map(a => a.getAttribute('href') + ' ' + a.textContent)"); !slices.Equal(got, want) {
			t.Errorf("the page leads to %q, want %q", got, want)
		}
	}
	b.visit("/folder/")
	leads("../Inbox/ Inbox", "../folder/Letters%20%26%20more/ folder/Letters & more")
	b.fits()
	b.accessible()
	b.load(func() { b.click(named("Inbox")) })
	b.wait(shows("Upload files"))
	b.visit("/.bailiwick/login?next=/")
	b.fill(css("input[name=user]"), "alice")
	b.fill(css("input[name=password]"), "alicealice")
	b.load(func() { b.press(kb.Enter) })
	leads("./Inbox/ Inbox", "./folder/Letters%20%26%20more/ folder/Letters & more", "./private/ private", "./team/ team")
}
