package browser

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
)

// writable serves all files of the place, and lets everyone change them.
const writable = "mounts: [{source: SOURCE, allow: ['**'], list: true, write: true, no_index: true}]\n"

// A cuttingProxy passes on connections, and cuts the first one that sends a text.
type cuttingProxy struct {
	url  string
	cuts sync.Once
	cut  chan struct{} // closed when a connection was cut
}

func cutAt(t *testing.T, url, text string) *cuttingProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &cuttingProxy{url: "http://" + l.Addr().String(), cut: make(chan struct{})}
	pass := func(from, to net.Conn, watch bool) {
		defer from.Close()
		defer to.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if watch && bytes.Contains(buf[:n], []byte(text)) {
				cut := false
				p.cuts.Do(func() { cut = true; close(p.cut) })
				if cut {
					return
				}
			}
			if _, e := to.Write(buf[:n]); err != nil || e != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				client.Close()
				continue
			}
			go pass(client, server, true)
			go pass(server, client, false)
		}
	}()
	return p
}

// drop drops files and directories of this machine onto the page.
func (b *tab) drop(paths ...string) {
	b.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		call(b, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: 200, Y: 400, Data: data})
	}
}

// choose selects files in a field of a form.
func (b *tab) choose(element string, paths ...string) {
	b.t.Helper()
	o := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: element})
	call(b, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: paths, ObjectID: o.Result.ObjectID})
}

// local makes files on this machine, to upload, and returns their directory.
func local(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stored waits until the place has a file with that content.
func (b *tab) stored(p *place, name, content string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; b.frame() {
		got, ok := p.has(name)
		if ok && got == content {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s is %q, want %q", name, got, content)
		}
	}
}

// A folder of 500 files arrives whole, though one connection is cut on the way.
func TestUploadFolder(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const n = 500
		files := map[string]string{}
		for i := range n {
			files[fmt.Sprintf("folder/sub %d/file %03d.txt", i%7, i)] = fmt.Sprintf("content %d", i)
		}
		from := local(t, files)
		p.put(t, "here.txt", "x")
		proxy := cutAt(t, serve(t, p, writable).url, "file%20250.txt")
		b := open(t, proxy.url, desktop)
		b.expect(0)
		b.visit("/")
		b.drop(filepath.Join(from, "folder"))
		b.wait(shows(fmt.Sprintf("%d of %d files", n, n)))
		select {
		case <-proxy.cut:
		default:
			t.Error("no connection was cut, so this proves nothing")
		}
		for name, content := range files {
			if got, ok := p.has(name); !ok || got != content {
				t.Errorf("%s: %q, %v", name, got, ok)
			}
		}
		b.wait(link("folder"))
		b.accessible()
	})
}

// A file that exists is a question: skip, keep both, or replace.
func TestUploadConflict(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.put(t, "note.txt", "theirs")
		b := open(t, serve(t, p, writable).url, phone)
		b.expect(412)
		b.visit("/")
		from := local(t, map[string]string{"note.txt": "mine"})
		for _, c := range []struct{ answer, name, content string }{
			{"Skip", "note.txt", "theirs"},
			{"Keep both", "note (2).txt", "mine"},
			{"Replace", "note.txt", "mine"},
		} {
			b.drop(filepath.Join(from, "note.txt"))
			b.wait("document.querySelector('dialog')?.open")
			b.fits()
			if c.answer == "Skip" {
				b.accessible()
			}
			b.click(namedIn("document.querySelector('dialog')", c.answer))
			b.wait("!document.querySelector('dialog')")
			b.stored(p, c.name, c.content)
		}
		if got, _ := p.has("note (2).txt"); got != "mine" {
			t.Errorf("the second file is %q", got)
		}
	})
}

// Rename, copy and delete a file in its preview.
func TestChange(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.put(t, "draft.txt", "a text")
		b := open(t, serve(t, p, writable).url, desktop)
		b.expect(404) // what is asked for a free name
		b.visit("/")
		dialog := "[...document.querySelectorAll('dialog')].at(-1)"
		b.click(link("draft.txt"))
		b.wait(shows("a text"))
		b.accessible()
		b.click(named("Rename or move"))
		b.fill(dialog+".querySelector('input[type=text]')", "final.txt")
		b.click(namedIn(dialog, "Move"))
		b.wait("!document.querySelector('dialog')")
		b.wait(link("final.txt"))
		b.stored(p, "final.txt", "a text")
		if _, there := p.has("draft.txt"); there {
			t.Error("the old name is still there")
		}
		b.click(link("final.txt"))
		b.click(named("Delete"))
		b.click(namedIn(dialog, "Delete"))
		b.wait("!" + link("final.txt"))
		if _, there := p.has("final.txt"); there {
			t.Error("the file is still there")
		}
	})
}

// The same without scripts: forms, and a page that asks before it deletes.
func TestChangeWithoutScript(t *testing.T) {
	p := onDisk(t)
	p.put(t, "draft.txt", "a text")
	b := open(t, serve(t, p, writable).url, view{width: 390, noScript: true})
	b.visit("/")
	from := local(t, map[string]string{"new & odd.txt": "uploaded"})
	b.click(css("summary"))
	b.choose("document.querySelector('input[type=file]')", filepath.Join(from, "new & odd.txt"))
	b.load(func() { b.click(namedIn("document.querySelector('details form')", "Upload")) })
	b.stored(p, "new & odd.txt", "uploaded")
	b.fits()
	b.visit("/?show=draft.txt")
	b.wait(shows("a text"))
	b.fits()
	b.fill(css("input[name=to]"), "final.txt")
	b.load(func() { b.click(named("Move")) })
	b.stored(p, "final.txt", "a text")
	b.visit("/?show=final.txt")
	b.load(func() { b.click(named("Delete")) })
	b.wait(shows("final.txt"))
	b.load(func() { b.click(css("form button.danger")) })
	if _, there := p.has("final.txt"); there {
		t.Error("the file is still there")
	}
}
