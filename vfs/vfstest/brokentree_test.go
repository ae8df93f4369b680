package vfstest_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// everything asks for everything that a tree can hold.
var everything = vfstest.Options{
	Links:   true,
	Special: true,
	Raw:     []string{`raw/back\slash`, "raw/new\nline", "raw/\u202egpj.exe", "raw/sub/\x7f"},
}

// TestFromFSOfEverything is the control of brokenTrees.
func TestFromFSOfEverything(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend { return vfs.FromFS(fullFS(tree)) }, everything)
}

func fullFS(tree vfstest.Tree) fs.ReadLinkFS {
	m := mapFS(tree)
	for name, data := range mapFS(vfstest.Tree{Files: tree.Raw}) {
		m[name] = data
	}
	return m
}

// brokenTrees are faults that show only in a tree with links, special files or odd
// entries, or that need more than a layer over the reference.
var brokenTrees = []struct {
	fault string
	check string
	open  func(tree vfstest.Tree) vfs.Backend
}{
	{"follows links", "links", func(tree vfstest.Tree) vfs.Backend {
		for _, loop := range []string{"loop", "ping", "pong"} {
			delete(tree.Links, loop) // MapFS follows them until its stack overflows
		}
		return vfs.FromFS(struct{ fs.FS }{fullFS(tree)}) // hides Lstat and ReadLink
	}},
	{"does not report a link's target", "links", func(tree vfstest.Tree) vfs.Backend {
		return noTargets{vfs.FromFS(fullFS(tree))}
	}},
	{"lists links as files", "links", func(tree vfstest.Tree) vfs.Backend {
		return kinds{vfs.FromFS(fullFS(tree)), vfs.KindLink}
	}},
	{"lists FIFOs as files", "special files", func(tree vfstest.Tree) vfs.Backend {
		return kinds{vfs.FromFS(fullFS(tree)), vfs.KindSpecial}
	}},
	{"opens FIFOs", "special files", func(tree vfstest.Tree) vfs.Backend {
		for _, name := range tree.Special {
			tree.Files[name] = ""
		}
		tree.Special = nil
		return vfs.FromFS(fullFS(tree))
	}},
	{"shows a raw name under a clean one", "raw names", func(tree vfstest.Tree) vfs.Backend {
		for raw, data := range tree.Raw {
			tree.Files[strings.ReplaceAll(raw, `\`, "_")] = data
		}
		tree.Raw = nil
		return vfs.FromFS(fullFS(tree))
	}},
	{"fails because of a raw name", "raw names", func(tree vfstest.Tree) vfs.Backend {
		return listFails{vfs.FromFS(fullFS(tree))}
	}},
	{"leaves File at the start of the object", "file", func(tree vfstest.Tree) vfs.Backend {
		return wrongFile{newReference(tree)}
	}},
	{"mixes up concurrent calls", "concurrency", func(tree vfstest.Tree) vfs.Backend {
		return &forgetful{reference: newReference(tree)}
	}},
	{"lists less than it opens", "io/fs", func(tree vfstest.Tree) vfs.Backend {
		r := newReference(tree)
		return onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry { return list[:len(list)-1] })(r)
	}},
	{"normalizes names in Put", "put names", func(tree vfstest.Tree) vfs.Backend {
		r := newReference(tree)
		return &layer{reference: r, put: func(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
			rename(&n, norm.NFC.String)
			return r.Put(ctx, n, body, opts)
		}}
	}},
}

// noTargets drops Error.Link.
type noTargets struct{ vfs.Backend }

func (b noTargets) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	req.Links = false
	return b.Backend.Open(ctx, n, req)
}

// kinds lists entries of one kind as files.
type kinds struct {
	vfs.Backend
	hide vfs.Kind
}

func (b kinds) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for e, err := range b.Backend.List(ctx, dir, after) {
			if e.Kind == b.hide {
				e.Kind = vfs.KindFile
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// listFails fails to list elements that are not valid names.
type listFails struct{ vfs.Backend }

func (b listFails) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for e, err := range b.Backend.List(ctx, dir, after) {
			if _, nameErr := dir.Child(e.Elem); err == nil && nameErr != nil {
				yield(vfs.Entry{}, nameErr)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// wrongFile returns a File at the wrong offset.
type wrongFile struct{ *reference }

func (b wrongFile) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.reference.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "vfstest")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	_, err = f.WriteString(b.objects[n.String()].data)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	obj.File, obj.Body = f, bodyOf{obj.Body, f}
	return obj, nil
}

// forgetful stores the name of the current call in a shared field.
type forgetful struct {
	*reference
	mu   sync.Mutex
	last vfs.Name
}

func (b *forgetful) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	b.mu.Lock()
	b.last = n
	b.mu.Unlock()
	for range 10 {
		runtime.Gosched()
	}
	b.mu.Lock()
	n = b.last
	b.mu.Unlock()
	return b.reference.Open(ctx, n, req)
}
