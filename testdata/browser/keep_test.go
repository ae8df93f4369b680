package browser

import (
	"path/filepath"
	"strings"
	"testing"
)

// answers makes each request of the page with a method get a status, instead of being sent,
// and counts those with another method.
func (b *tab) answers(method, status string) {
	b.t.Helper()
	eval[bool](b, `(() => { const send = window.fetch; window.bailiwickTestSent = {};
		window.fetch = (url, o) => { const m = o?.method || "GET"; window.bailiwickTestSent[m] = (window.bailiwickTestSent[m] || 0) + 1;
			return m === "`+method+`" ? Promise.resolve(new Response(null, {status: `+status+`})) : send(url, o); };
		return true; })()`)
}

const question = "[...document.querySelectorAll('dialog:not(.viewer)')].at(-1)"

// A file that was changed after the reader saw it is kept, until the reader has been told.
func TestKeepChanged(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.put(t, "a.txt", "seen")
		p.put(t, "b.txt", "seen")
		b := open(t, serve(t, p, writable).url, desktop)
		b.visit("/")
		p.put(t, "a.txt", "changed meanwhile")
		b.click(named("Select"))
		b.click(named("All"))
		b.click(namedIn("document.querySelector('#picked')", "Delete"))
		b.click(namedIn(question, "Delete"))
		b.wait(shows("Some files were not deleted"))
		if _, there := p.has("b.txt"); there {
			t.Error("the file that was not changed is still there")
		}
		b.stored(p, "a.txt", "changed meanwhile")
		b.wait(shows("It was changed meanwhile."))

		b.visit("/")
		p.put(t, "a.txt", "changed once more")
		b.click(row("a.txt") + "?.querySelector('.more')")
		b.click(named("Rename or move"))
		b.fill(question+".querySelector('input[type=text]')", "c.txt")
		b.click(namedIn(question, "Move"))
		b.wait(shows("Close this, and look at it again."))
		b.click(namedIn(question, "Cancel"))
		b.click(namedIn("document.querySelector('dialog.viewer')", "Delete"))
		b.click(namedIn(question, "Delete"))
		b.wait(shows("Delete the version that is there now?"))
		b.stored(p, "a.txt", "changed once more")
		b.click(namedIn(question, "Delete"))
		b.wait("!" + link("a.txt"))
		if _, there := p.has("a.txt"); there {
			t.Error("the version that the reader was told about is still there")
		}
	})
}

// While the server does not say which version is there, nothing is deleted.
func TestKeepUnknown(t *testing.T) {
	p := onDisk(t)
	p.put(t, "a.txt", "theirs")
	b := open(t, serve(t, p, writable).url, desktop)
	for _, status := range []string{"401", "404", "429", "503"} {
		b.visit("/")
		b.answers("HEAD", status)
		b.click(row("a.txt") + "?.querySelector('.more')")
		b.click(named("Delete"))
		b.click(namedIn(question, "Delete"))
		b.wait(shows("It was not deleted"))
		if eval[bool](b, "window.bailiwickTestSent.DELETE > 0") {
			t.Errorf("after %s, the file was deleted without a condition", status)
		}
		b.click(namedIn(question, "Close"))
	}
	b.stored(p, "a.txt", "theirs")
}

// What a person chose for all files of a drop is not the answer for the next drop.
func TestConflictAnswerEnds(t *testing.T) {
	p := onDisk(t)
	files, drop := map[string]string{"failed.exe": "mine", "later.txt": "mine"}, []string{}
	p.put(t, "later.txt", "theirs")
	// More than are sent at once, so that some wait during the question.
	for _, name := range []string{"1.txt", "2.txt", "3.txt", "4.txt", "5.txt", "6.txt"} {
		p.put(t, name, "theirs")
		files[name] = "mine"
	}
	from := local(t, files)
	for _, name := range []string{"1.txt", "2.txt", "3.txt", "4.txt", "5.txt", "6.txt"} {
		drop = append(drop, filepath.Join(from, name))
	}
	b := open(t, serve(t, p, "mounts: [{source: SOURCE, allow: ['**'], list: true, write: true, types: [text/plain], no_index: true}]\n").url, desktop)
	b.expect(412, 415)
	b.visit("/")
	// A file that failed keeps the panel open.
	b.drop(filepath.Join(from, "failed.exe"))
	b.wait(shows("Files of this type are not accepted."))
	b.drop(drop...)
	b.click(namedIn(question, "Do the same"))
	b.click(namedIn(question, "Replace"))
	for _, file := range drop {
		b.stored(p, filepath.Base(file), "mine")
	}
	b.drop(filepath.Join(from, "later.txt"))
	b.click(namedIn(question, "Skip"))
	b.wait("!document.querySelector('dialog')")
	b.stored(p, "later.txt", "theirs")
}

// A file that the person may not see cannot be replaced, and nothing loops.
func TestConflictUnseen(t *testing.T) {
	p := onDisk(t)
	p.put(t, "a.txt", "theirs")
	b := open(t, serve(t, p, writable).url, desktop)
	b.expect(412)
	b.visit("/")
	b.answers("HEAD", "404")
	b.drop(filepath.Join(local(t, map[string]string{"a.txt": "mine"}), "a.txt"))
	b.wait(shows("that you may not see"))
	if eval[bool](b, "!!"+namedIn(question, "Replace")) {
		t.Error("it can be replaced")
	}
	b.click(namedIn(question, "Keep both"))
	b.stored(p, "a (2).txt", "mine")
	b.stored(p, "a.txt", "theirs")
}

// A POST that lost its answer is not sent again by itself: each one makes a file.
func TestPostOnce(t *testing.T) {
	p := onDisk(t)
	b := open(t, serve(t, p, "mounts: [{source: SOURCE, uploads: {catalog: 'sqlite:"+filepath.Join(t.TempDir(), "catalog.db")+"'}}]\n").url, desktop)
	b.visit("/")
	eval[bool](b, `(() => { window.bailiwickTestPosts = 0;
		XMLHttpRequest.prototype.send = function() { window.bailiwickTestPosts++; this.upload.dispatchEvent(new ProgressEvent("load")); this.dispatchEvent(new ProgressEvent("error")); };
		return true; })()`)
	b.drop(filepath.Join(local(t, map[string]string{"a.txt": "mine"}), "a.txt"))
	b.wait(shows("it may be stored"))
	if n := eval[int](b, "window.bailiwickTestPosts"); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
	if !strings.Contains(eval[string](b, "document.body.innerText"), "Retry all") {
		t.Error("the person cannot retry it")
	}
}
