package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// counted counts the calls of a backend.
type counted struct {
	vfs.Backend
	calls, lists atomic.Int64
}

func (c *counted) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	c.calls.Add(1)
	return c.Backend.Stat(ctx, n, req)
}

func (c *counted) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	c.calls.Add(1)
	return c.Backend.Open(ctx, n, req)
}

func (c *counted) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	c.calls.Add(1)
	c.lists.Add(1)
	return c.Backend.List(ctx, dir, after)
}

func (c *counted) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	c.calls.Add(1)
	return c.Backend.Put(ctx, n, body, opts)
}

func (c *counted) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	c.calls.Add(1)
	return c.Backend.Remove(ctx, n, cond)
}

func writable(t *testing.T, p vfs.Policy) (*vfs.Jail, *counted) {
	t.Helper()
	b := &counted{Backend: mem.New()}
	j, err := vfs.New(b, p)
	if err != nil {
		t.Fatal(err)
	}
	return j, b
}

// seed stores objects directly in the backend.
func seed(t *testing.T, b *counted, names ...string) {
	t.Helper()
	for _, s := range names {
		if _, err := b.Backend.Put(t.Context(), name(t, s), strings.NewReader("seed"), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func put(t *testing.T, j *vfs.Jail, s, body string, opts vfs.PutOptions) (vfs.Written, error) {
	t.Helper()
	return j.Put(t.Context(), name(t, s), strings.NewReader(body), opts)
}

func content(t *testing.T, j *vfs.Jail, s string) string {
	t.Helper()
	obj, err := j.Get(t.Context(), name(t, s), vfs.Request{})
	if err != nil {
		return err.Error()
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func TestPut(t *testing.T) {
	j, _ := writable(t, vfs.Policy{Allow: vfs.Patterns("**")})
	w, err := put(t, j, "docs/a.txt", "one", vfs.PutOptions{})
	if err != nil || w.Replaced || w.Info.Rule != "**" || w.Info.Name != name(t, "docs/a.txt") || w.Info.Size != 3 {
		t.Fatalf("creating: %+v, %v", w, err)
	}
	if w, err = put(t, j, "docs/a.txt", "other", vfs.PutOptions{}); err != nil || !w.Replaced {
		t.Fatalf("replacing: %+v, %v", w, err)
	}
	create := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}
	if _, err := put(t, j, "docs/a.txt", "no", create); !errors.Is(err, fs.ErrExist) || !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("creating an existing object: %v", err)
	}
	match := vfs.PutOptions{Cond: vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: w.Info.ETag, Set: true}}}}}
	if _, err := put(t, j, "docs/a.txt", "matched", match); err != nil {
		t.Errorf("replacing the current version: %v", err)
	}
	if _, err := put(t, j, "docs/a.txt", "no", match); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("replacing an outdated version: %v", err)
	}
	if got := content(t, j, "docs/a.txt"); got != "matched" {
		t.Errorf("final content: %q", got)
	}
	if _, err := j.Remove(t.Context(), name(t, "docs/a.txt"), match.Cond); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("removing an outdated version: %v", err)
	}
	if removed, err := j.Remove(t.Context(), name(t, "docs/a.txt"), vfs.Cond{}); err != nil || removed.Rule != "**" {
		t.Errorf("removing: %q, %v", removed.Rule, err)
	}
	if _, err := j.Remove(t.Context(), name(t, "docs/a.txt"), vfs.Cond{}); vfs.ReasonOf(err) != reason.Missing {
		t.Errorf("removing a missing object: %v", err)
	}
}

// TestWriteRefused: a write that the policy refuses does not reach the backend, and the
// name looks missing.
func TestWriteRefused(t *testing.T) {
	denied := errors.New("no")
	j, b := writable(t, vfs.Policy{
		Allow: vfs.Patterns("**"), Deny: vfs.Patterns("drafts"),
		Authorize: vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, n vfs.Name) error {
			if strings.HasPrefix(n.String(), "mine/") && op != vfs.OpRead {
				return denied
			}
			return nil
		}),
	})
	for s, want := range map[string]vfs.Reason{
		"drafts/a":      reason.PolicyDeny,
		"DRAFTS/a":      reason.PolicyDeny,
		".env":          reason.PolicyDotfile,
		"mine/a":        reason.AuthDenied,
		"cafe\u0301":    reason.CreateNFC,
		"10:30.log":     reason.CreateChar,
		"a?b":           reason.CreateChar,
		"a./b":          reason.CreateTrailing,
		"a ":            reason.CreateTrailing,
		"x/Aux.txt":     reason.CreateDevice,
		"COM\u00b9":     reason.CreateDevice,
		"lpt1.x/inside": reason.CreateDevice,
	} {
		n := name(t, s)
		_, err := j.Put(t.Context(), n, unread{t}, vfs.PutOptions{})
		_, copyErr := j.Copy(t.Context(), n, j, n, vfs.PutOptions{})
		for _, err := range []error{err, copyErr} {
			if vfs.ReasonOf(err) != want || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Put or Copy(%+q): %v, reason %q, want %q", s, err, vfs.ReasonOf(err), want)
			}
		}
		if v := j.Explain(t.Context(), vfs.OpWrite, n); v.Reason != want {
			t.Errorf("Explain(write, %+q) says %q, want %q", s, v.Reason, want)
		}
		if strings.HasPrefix(string(want), "create.") {
			continue // such a name may exist, and may be removed
		}
		if _, err := j.Remove(t.Context(), n, vfs.Cond{}); vfs.ReasonOf(err) != want {
			t.Errorf("Remove(%+q): %v, reason %q, want %q", s, err, vfs.ReasonOf(err), want)
		}
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("the backend was called %d times", n)
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestPutSiblings(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("secret")})
	seed(t, b, "Report.txt", "docs/Deep/a.txt", "caf\u00e9/x", "secret", "sub/stra\u00dfe", "both", "BOTH", "e\u0302\u0301t\u00e9")
	for s, want := range map[string]vfs.Reason{
		"report.txt":                    reason.CreateSibling,
		"REPORT.TXT":                    reason.CreateSibling,
		"Docs/b.txt":                    reason.CreateSibling,
		"docs/deep/b":                   reason.CreateSibling,
		"docs/Deep/A.t":                 "",
		"docs/Deep/A.tX":                "",
		"docs/DEEP/new/directory/b.txt": reason.CreateSibling,
		"CAF\u00c9/x":                   reason.CreateSibling,
		"caf\u00e9/X":                   reason.CreateSibling,
		"sub/STRASSE":                   reason.CreateSibling,
		"\u1ebft\u00e9":                 reason.CreateSibling,
		"Both":                          reason.CreateSibling,
		"both":                          "",
		"Report.txt":                    "",
		"secret.txt":                    "",
		"sub/x\u00b2":                   "",
		"sub/x2":                        "",
		"docs/Deep/A.TXT/b":             reason.CreateSibling,
	} {
		_, err := put(t, j, s, "new", vfs.PutOptions{})
		if vfs.ReasonOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("Put(%+q): %v, reason %q, want %q", s, err, vfs.ReasonOf(err), want)
		}
	}
	// A caller who may not see the sibling must not learn of it.
	hidden, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("secreT", "REPORT.txt", "docs/*/*.md"), Deny: vfs.Patterns("nothing")})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"secreT", "REPORT.txt"} {
		if _, err := put(t, hidden, s, "new", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.HiddenSibling {
			t.Errorf("Put(%q) beside a hidden sibling: reason %q", s, vfs.ReasonOf(err))
		}
	}
	if _, err := put(t, hidden, "docs/deep/x.md", "new", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.HiddenSibling {
		t.Errorf("beside a directory in which nothing is shown: reason %q", vfs.ReasonOf(err))
	}
	seed(t, b, "docs/Deep/b.md")
	if _, err := put(t, hidden, "docs/deep/x.md", "new", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.CreateSibling {
		t.Errorf("beside a directory that is shown: reason %q", vfs.ReasonOf(err))
	}
}

// TestPutSiblingsAtOnce: if two spellings of one name are created concurrently, only
// one succeeds.
func TestPutSiblingsAtOnce(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**")})
	spellings := []string{"new/Dir/file", "new/dir/file", "NEW/dir/other", "new/DIR/File"}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 64 {
		s := spellings[i%len(spellings)]
		wg.Go(func() {
			<-start
			_, err := put(t, j, s, "x", vfs.PutOptions{})
			if r := vfs.ReasonOf(err); err != nil && r != reason.CreateSibling {
				t.Errorf("Put(%q): %v, reason %q", s, err, r)
			}
		})
	}
	close(start)
	wg.Wait()
	all, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for f, err := range all.Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for at := f.Name; !at.IsRoot(); at = at.Dir() {
			found[at.String()] = true
		}
	}
	lower := map[string]string{}
	for s := range found {
		if other, ok := lower[strings.ToLower(s)]; ok {
			t.Errorf("both %q and %q were created", s, other)
		}
		lower[strings.ToLower(s)] = s
	}
	if len(found) == 0 {
		t.Error("none was created")
	}
}

// TestPutInLargeDirectory: the search for siblings does not read all entries of a large
// directory.
func TestPutInLargeDirectory(t *testing.T) {
	b := &counted{Backend: mem.New()}
	for i := range 20_000 {
		seed(t, b, fmt.Sprintf("many/report-%05d.txt", i))
	}
	seed(t, b, "many/Zebra.txt")
	pages := &paged{Backend: b}
	j, err := vfs.New(pages, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]vfs.Reason{
		"many/report-10000.md":  "",
		"many/REPORT-10000.txt": reason.CreateSibling,
		"many/report-19999.Txt": reason.CreateSibling,
		"many/zebra.txt":        reason.CreateSibling,
		"many/aardvark":         "",
		"other/directory/x":     "",
	} {
		pages.entries.Store(0)
		_, err := put(t, j, s, "x", vfs.PutOptions{})
		if vfs.ReasonOf(err) != want {
			t.Errorf("Put(%q): reason %q, want %q", s, vfs.ReasonOf(err), want)
		}
		if n := pages.entries.Load(); n > 8000 {
			t.Errorf("Put(%q) read %d entries of 20,000", s, n)
		}
	}
}

// paged counts the listed entries.
type paged struct {
	vfs.Backend
	entries atomic.Int64
}

func (p *paged) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for e, err := range p.Backend.List(ctx, dir, after) {
			p.entries.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestCreate(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("re:[0-9a-f]+"), Authorize: vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, _ vfs.Name) error {
		if op != vfs.OpUpload {
			return errors.New("only uploads")
		}
		return nil
	})})
	n := name(t, "0123abcd")
	w, err := j.Create(t.Context(), n, strings.NewReader("one"), vfs.PutOptions{})
	if err != nil || w.Replaced || w.Info.Size != 3 {
		t.Fatalf("%+v, %v", w, err)
	}
	if c := b.calls.Load(); c != 1 {
		t.Errorf("the backend was called %d times, want once", c)
	}
	if _, err := j.Create(t.Context(), n, strings.NewReader("two"), vfs.PutOptions{}); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("creating it twice: %v", err)
	}
	if _, err := j.Put(t.Context(), n, strings.NewReader("two"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.AuthDenied {
		t.Errorf("Put where only uploads are allowed: %v", err)
	}
	if _, err := j.Create(t.Context(), name(t, "x/y"), strings.NewReader("two"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.PolicyNoAllow {
		t.Errorf("creating a name that no pattern allows: %v", err)
	}
}

func TestCopy(t *testing.T) {
	src, b := writable(t, vfs.Policy{Allow: vfs.Patterns("pub/**")})
	seed(t, b, "pub/a", "private")
	dst, _ := writable(t, vfs.Policy{Allow: vfs.Patterns("**")})
	w, err := dst.Copy(t.Context(), name(t, "b"), src, name(t, "pub/a"), vfs.PutOptions{})
	if err != nil || w.Info.Size != 4 || content(t, dst, "b") != "seed" {
		t.Errorf("%+v, %v, %q", w, err, content(t, dst, "b"))
	}
	for _, s := range []string{"private", "pub/missing"} {
		if _, err := dst.Copy(t.Context(), name(t, "c"), src, name(t, s), vfs.PutOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("copying %q: %v", s, err)
		}
	}
	if got := content(t, dst, "c"); got != `get "c": file does not exist` {
		t.Errorf("after failed copies: %q", got)
	}
	if _, err := src.Copy(t.Context(), name(t, "pub/a"), src, name(t, "pub/a"), vfs.PutOptions{}); err != nil || content(t, src, "pub/a") != "seed" {
		t.Errorf("copying onto itself: %v, %q", err, content(t, src, "pub/a"))
	}
}

// TestWriteUnsupported: a read-only backend refuses writes, and nothing is searched
// first.
func TestWriteUnsupported(t *testing.T) {
	b := &everything{}
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	_, putErr := put(t, j, "a", "x", vfs.PutOptions{})
	_, createErr := j.Create(t.Context(), name(t, "a"), strings.NewReader("x"), vfs.PutOptions{})
	_, removeErr := j.Remove(t.Context(), name(t, "a"), vfs.Cond{})
	for _, err := range []error{putErr, createErr, removeErr} {
		if !errors.Is(err, vfs.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want ErrUnsupported", err)
		}
	}
	if b.calls.Load() != 0 {
		t.Errorf("the backend was called %d times", b.calls.Load())
	}
}

// TestPutAfterPanic: a backend that panics during the search for siblings blocks
// neither the name nor similar ones.
func TestPutAfterPanic(t *testing.T) {
	b := &panicking{Backend: mem.New()}
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	b.panics = true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the backend did not panic")
			}
		}()
		_, _ = put(t, j, "a", "x", vfs.PutOptions{})
	}()
	b.panics = false
	if _, err := put(t, j, "A", "x", vfs.PutOptions{}); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

type panicking struct {
	vfs.Backend
	panics bool
}

func (p *panicking) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if p.panics {
		panic("a defect of the backend")
	}
	return p.Backend.Stat(ctx, n, req)
}
