package vfstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestReference is the control of TestSuiteFindsFaults: without a fault, the suite
// passes.
func TestReference(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return newReference(tree)
	}, vfstest.Options{
		OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
			return newReference(below(tree, prefix+"/"))
		},
		Raw: []string{"raw/../top", "raw/back\\slash"}, // the reference leaves these out
	})
}

// below returns the part of tree below prefix, with the prefix removed.
func below(tree vfstest.Tree, prefix string) vfstest.Tree {
	out := vfstest.Tree{Files: map[string]string{}}
	for name, data := range tree.Files {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" && rest[0] != '/' {
			out.Files[rest] = data
		}
	}
	return out
}

// A layer overrides the methods for which it has a function.
type layer struct {
	*reference
	open   func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error)
	stat   func(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error)
	list   func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error]
	put    func(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error)
	remove func(ctx context.Context, n vfs.Name, cond vfs.Cond) error
	caps   func() vfs.Caps
}

func (l *layer) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if l.open != nil {
		return l.open(ctx, n, req)
	}
	return l.reference.Open(ctx, n, req)
}

func (l *layer) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if l.stat != nil {
		return l.stat(ctx, n, req)
	}
	return l.reference.Stat(ctx, n, req)
}

func (l *layer) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	if l.list != nil {
		return l.list(ctx, dir, after)
	}
	return l.reference.List(ctx, dir, after)
}

func (l *layer) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if l.put != nil {
		return l.put(ctx, n, body, opts)
	}
	return l.reference.Put(ctx, n, body, opts)
}

func (l *layer) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if l.remove != nil {
		return l.remove(ctx, n, cond)
	}
	return l.reference.Remove(ctx, n, cond)
}

func (l *layer) Caps() vfs.Caps {
	if l.caps != nil {
		return l.caps()
	}
	return l.reference.Caps()
}

// shallow walks only the requested directory, not those below it.
type shallow struct{ *reference }

func (s shallow) Caps() vfs.Caps {
	c := s.reference.Caps()
	c.Walks = true
	return c
}

func (s shallow) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for e, err := range s.List(ctx, dir, "") {
			if (err != nil || e.Kind == vfs.KindFile) && !yield(e, err) {
				return
			}
		}
	}
}

// onObject modifies the result of Open.
func onObject(change func(obj *vfs.Object)) func(r *reference) vfs.Backend {
	return func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			obj, err := r.Open(ctx, n, req)
			if err == nil {
				change(obj)
			}
			return obj, err
		}}
	}
}

// onRequest modifies the arguments of Open and Stat.
func onRequest(change func(n *vfs.Name, req *vfs.Request)) func(r *reference) vfs.Backend {
	return func(r *reference) vfs.Backend {
		return &layer{reference: r,
			open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
				change(&n, &req)
				return r.Open(ctx, n, req)
			},
			stat: func(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
				change(&n, &req)
				return r.Stat(ctx, n, req)
			},
		}
	}
}

// onError modifies the errors of Open and Stat.
func onError(change func(e *vfs.Error) error) func(r *reference) vfs.Backend {
	bend := func(err error) error {
		var e *vfs.Error
		if errors.As(err, &e) {
			return change(e)
		}
		return err
	}
	return func(r *reference) vfs.Backend {
		return &layer{reference: r,
			open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
				obj, err := r.Open(ctx, n, req)
				return obj, bend(err)
			},
			stat: func(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
				info, err := r.Stat(ctx, n, req)
				return info, bend(err)
			},
		}
	}
}

// onEntries modifies a whole listing.
func onEntries(change func(dir vfs.Name, after string, list []vfs.Entry) []vfs.Entry) func(r *reference) vfs.Backend {
	return func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			return func(yield func(vfs.Entry, error) bool) {
				var list []vfs.Entry
				for e, err := range r.List(ctx, dir, after) {
					if err != nil {
						yield(e, err)
						return
					}
					list = append(list, e)
				}
				for _, e := range change(dir, after, list) {
					if !yield(e, ctxError(ctx, dir)) || ctx.Err() != nil {
						return
					}
				}
			}
		}}
	}
}

func ctxError(ctx context.Context, n vfs.Name) error {
	if ctx.Err() == nil {
		return nil
	}
	return &vfs.Error{Op: "list", Name: n.String(), Err: ctx.Err()}
}

func onPut(put func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error)) func(r *reference) vfs.Backend {
	return func(r *reference) vfs.Backend {
		return &layer{reference: r, put: func(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
			return put(r, ctx, n, body, opts)
		}}
	}
}

// bodyOf is a body with other bytes.
type bodyOf struct {
	io.Reader
	io.Closer
}

// lyingSeeker counts offsets from the object's start.
type lyingSeeker struct {
	io.ReadCloser
	*strings.Reader
}

func (l lyingSeeker) Read(b []byte) (int, error)       { return l.ReadCloser.Read(b) }
func (l lyingSeeker) WriteTo(io.Writer) (int64, error) { return 0, errors.ErrUnsupported }

// sharedPosition is right unless single bytes are read concurrently.
type sharedPosition struct {
	io.ReadCloser
	data   *strings.Reader
	at     atomic.Int64
	calls  atomic.Int32
	second chan struct{} // closed by the second reader of a byte; the first waits for it
}

func (s *sharedPosition) ReadAt(b []byte, off int64) (int, error) {
	s.at.Store(off)
	if len(b) == 1 {
		switch s.calls.Add(1) {
		case 1:
			<-s.second
		case 2:
			close(s.second)
		}
	}
	return s.data.ReadAt(b, s.at.Load())
}

// brokenReferences are layers over the reference with one fault each, and the check
// that must detect it.
var brokenReferences = []struct {
	fault string
	check string
	make  func(r *reference) vfs.Backend
}{
	{"yields other bytes", "reading", onObject(func(o *vfs.Object) {
		o.Body = bodyOf{strings.NewReader(strings.Repeat("x", int(o.Span.Length))), o.Body}
	})},
	{"cuts the body without an error", "reading", onObject(func(o *vfs.Object) {
		o.Body = bodyOf{io.LimitReader(o.Body, max(0, o.Span.Length-1)), o.Body}
	})},
	{"yields more than the span", "ranges", onObject(func(o *vfs.Object) {
		o.Body = bodyOf{io.MultiReader(o.Body, strings.NewReader("x")), o.Body}
	})},
	{"reports a wrong size", "reading", onObject(func(o *vfs.Object) { o.Info.Size++ })},
	{"size of the range, not of the object", "ranges", onObject(func(o *vfs.Object) { o.Info.Size = o.Span.Length })},
	{"forgets Partial", "ranges", onObject(func(o *vfs.Object) { o.Span.Partial = false })},
	{"quotes its ETag", "reading", onObject(func(o *vfs.Object) { o.Info.ETag = `"` + o.Info.ETag + `"` })},
	{"a weak ETag", "reading", onObject(func(o *vfs.Object) { o.Info.ETag = `W/` + o.Info.ETag })},
	{"another time than Stat", "stat", onObject(func(o *vfs.Object) { o.Info.ModTime = o.Info.ModTime.Add(time.Second) })},
	{"metadata beyond what Stat says", "stat", onObject(func(o *vfs.Object) { o.Info.Meta = map[string]string{"a": "b"} })},
	{"reports another name", "reading", onObject(func(o *vfs.Object) { o.Info.Name = vfs.Root })},
	{"ignores ranges", "ranges", onRequest(func(_ *vfs.Name, req *vfs.Request) { req.Range = vfs.Range{} })},
	{"treats the last byte as exclusive", "ranges", onRequest(func(_ *vfs.Name, req *vfs.Request) {
		if first, last := req.Range.Bounds(); first >= 0 && last > first {
			req.Range = vfs.RangeBetween(first, last-1)
		}
	})},
	{"treats a suffix as a start", "ranges", onRequest(func(_ *vfs.Name, req *vfs.Request) {
		if first, last := req.Range.Bounds(); first < 0 {
			req.Range = vfs.RangeFrom(last)
		}
	})},
	{"416 like a missing name", "ranges", onError(func(e *vfs.Error) error {
		if errors.Is(e, vfs.ErrRange) {
			e.Reason = reason.Missing
		}
		return e
	})},
	{"416 without the size", "ranges", onError(func(e *vfs.Error) error { e.Info = nil; return e })},
	{"returns the whole object instead of 416", "ranges", func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			obj, err := r.Open(ctx, n, req)
			if errors.Is(err, vfs.ErrRange) {
				return r.Open(ctx, n, vfs.Request{})
			}
			return obj, err
		}}
	}},
	{"Stat applies the range", "stat", func(r *reference) vfs.Backend {
		return &layer{reference: r, stat: func(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
			info, err := r.Stat(ctx, n, req)
			if err == nil {
				_, err = req.Resolve("stat", info)
			}
			return info, err
		}}
	}},
	{"ignores conditions", "conditions", onRequest(func(_ *vfs.Name, req *vfs.Request) { req.Cond = vfs.Cond{} })},
	{"the range before the conditions", "conditions", onRequest(func(_ *vfs.Name, req *vfs.Request) {
		if first, _ := req.Range.Bounds(); first >= 100 {
			req.Cond = vfs.Cond{}
		}
	})},
	{"ignores If-Range", "conditions", onRequest(func(_ *vfs.Name, req *vfs.Request) {
		req.Cond.IfRangeTag, req.Cond.IfRangeDate = vfs.Tag{}, time.Time{}
	})},
	{"lets a weak tag match If-Match", "conditions", onRequest(func(_ *vfs.Name, req *vfs.Request) {
		list := slices.Clone(req.Cond.IfMatch.List)
		for i := range list {
			list[i].Weak = false
		}
		req.Cond.IfMatch.List = list
	})},
	{"304 without Info", "conditions", onError(func(e *vfs.Error) error {
		if errors.Is(e, vfs.ErrNotModified) {
			e.Info = nil
		}
		return e
	})},
	{"counts offsets from the object's start", "body", onObject(func(o *vfs.Object) {
		o.Body = lyingSeeker{o.Body, strings.NewReader("0123456789")}
	})},
	{"shares one position among concurrent ReadAts", "body", onObject(func(o *vfs.Object) {
		if o.Span.Partial {
			o.Body = &sharedPosition{ReadCloser: o.Body, data: strings.NewReader("2345"), second: make(chan struct{})}
		}
	})},
	{"returns an error instead of io.EOF", "body", onObject(func(o *vfs.Object) {
		o.Body = bodyOf{io.MultiReader(o.Body, &atEnd{}), o.Body}
	})},
	{"leaks a path in an error", "missing", onError(func(e *vfs.Error) error {
		return fmt.Errorf("open /srv/data/%s: %w", e.Name, fs.ErrNotExist)
	})},
	{"reports the store's name in an error", "missing", onError(func(e *vfs.Error) error {
		e.Name = "bucket/prefix/" + e.Name
		return e
	})},
	{"gives no reason for a missing name", "missing", onError(func(e *vfs.Error) error {
		e.Reason, e.Err = "", fs.ErrNotExist
		return e
	})},
	{"reports a missing name as a failure", "missing", onError(func(e *vfs.Error) error {
		if e.Reason == reason.Missing {
			e.Reason, e.Err = "", errors.New("no such key")
		}
		return e
	})},
	{"reports a directory as missing", "directories", onError(func(e *vfs.Error) error {
		if e.Reason == reason.Directory {
			e.Reason = reason.Missing
		}
		return e
	})},
	{"opens a directory as an empty object", "directories", func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			obj, err := r.Open(ctx, n, req)
			if vfs.ReasonOf(err) == reason.Directory {
				return &vfs.Object{Info: vfs.Info{Name: n}, Body: io.NopCloser(strings.NewReader(""))}, nil
			}
			return obj, err
		}}
	}},
	{"folds case", "missing", onRequest(func(n *vfs.Name, _ *vfs.Request) { rename(n, strings.ToLower) })},
	{"decodes a second time", "names", onRequest(func(n *vfs.Name, _ *vfs.Request) {
		rename(n, func(s string) string { return strings.ReplaceAll(s, "%25", "%") })
	})},
	{"takes '+' for a space", "names", onRequest(func(n *vfs.Name, _ *vfs.Request) {
		rename(n, func(s string) string { return strings.ReplaceAll(s, "+", " ") })
	})},
	{"trims trailing dots and spaces", "missing", onRequest(func(n *vfs.Name, _ *vfs.Request) {
		rename(n, func(s string) string { return strings.TrimRight(s, ". ") })
	})},
	{"confuses composed and decomposed accents", "names", onRequest(func(n *vfs.Name, _ *vfs.Request) {
		rename(n, func(s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") })
	})},
	{"treats the zero Name as the top", "zero name", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			if dir.IsZero() {
				dir = vfs.Root
			}
			return r.List(ctx, dir, after)
		}}
	}},
	{"panics at the zero Name", "zero name", onRequest(func(n *vfs.Name, _ *vfs.Request) { _ = n.String()[0] })},
	{"orders by element", "list", onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry {
		slices.SortFunc(list, func(a, b vfs.Entry) int { return strings.Compare(a.Elem, b.Elem) })
		return list
	})},
	{"orders case-insensitively", "list", onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry {
		slices.SortFunc(list, func(a, b vfs.Entry) int {
			return strings.Compare(strings.ToLower(a.Key()), strings.ToLower(b.Key()))
		})
		return list
	})},
	{"lists no directories", "list", onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry {
		return slices.DeleteFunc(list, func(e vfs.Entry) bool { return e.Kind == vfs.KindDir })
	})},
	{"lists an entry twice", "list", onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry {
		if len(list) > 0 {
			list = append(list, list[len(list)-1])
		}
		return list
	})},
	{"lists a wrong size", "list", onEntries(func(_ vfs.Name, _ string, list []vfs.Entry) []vfs.Entry {
		for i := range list {
			list[i].Size++
		}
		return list
	})},
	{"leaves out entries that the caller needs", "list", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			return func(yield func(vfs.Entry, error) bool) {
				hint := driver.ListHintOf(ctx)
				for e, err := range r.List(ctx, dir, after) {
					if hint.Shows != nil && hint.Shows(e.Elem, vfs.KindFile) {
						continue
					}
					if !yield(e, err) || err != nil {
						return
					}
				}
			}
		}}
	}},
	{"ends a listing at the hint's limit", "list", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			return func(yield func(vfs.Entry, error) bool) {
				left := driver.ListHintOf(ctx).Limit
				for e, err := range r.List(ctx, dir, after) {
					if !yield(e, err) || err != nil {
						return
					}
					if left--; left == 0 {
						return
					}
				}
			}
		}}
	}},
	{"includes the key after", "list after", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			if after != "" {
				after = after[:len(after)-1]
			}
			return r.List(ctx, dir, after)
		}}
	}},
	{"compares after with elements", "list after", onEntries(func(_ vfs.Name, after string, list []vfs.Entry) []vfs.Entry {
		return slices.DeleteFunc(list, func(e vfs.Entry) bool { return e.Elem <= after })
	})},
	{"lists a missing directory as empty", "list nothing", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			return func(yield func(vfs.Entry, error) bool) {
				for e, err := range r.List(ctx, dir, after) {
					if vfs.ReasonOf(err) == reason.Missing || !yield(e, err) {
						return
					}
				}
			}
		}}
	}},
	{"lists by string prefix", "list nothing", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			if dir.String() == "doc" {
				dir = must(vfs.ParseName("docs"))
			}
			return r.List(ctx, dir, after)
		}}
	}},
	{"continues after an error", "list nothing", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			return func(yield func(vfs.Entry, error) bool) {
				for e, err := range r.List(ctx, dir, after) {
					if !yield(e, err) || err != nil && !yield(vfs.Entry{Elem: "x"}, nil) {
						return
					}
				}
			}
		}}
	}},
	{"reports an empty top as missing", "list empty", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			if entries, _ := r.entries(dir); len(entries) == 0 {
				dir = must(vfs.ParseName("no such"))
			}
			return r.List(ctx, dir, after)
		}}
	}},
	{"ignores the context", "cancel", func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(_ context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			return r.Open(context.Background(), n, req)
		}}
	}},
	{"checks the context in Open, but not in Read", "cancel", func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			if ctx.Err() != nil {
				return r.Open(ctx, n, req)
			}
			return r.Open(context.WithoutCancel(ctx), n, req)
		}}
	}},
	{"continues a listing after cancellation", "cancel", func(r *reference) vfs.Backend {
		return &layer{reference: r, list: func(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
			if ctx.Err() != nil {
				return r.List(ctx, dir, after)
			}
			return r.List(context.WithoutCancel(ctx), dir, after)
		}}
	}},
	{"changes its Caps", "reading", func(r *reference) vfs.Backend {
		calls := 0
		return &layer{reference: r, caps: func() vfs.Caps {
			calls++
			c := r.Caps()
			c.Ranges = calls%2 == 0
			return c
		}}
	}},
	{"claims to walk, but does not", "walk", func(r *reference) vfs.Backend {
		return &layer{reference: r, caps: func() vfs.Caps {
			c := r.Caps()
			c.Walks = true
			return c
		}}
	}},
	{"walk leaves out the content of directories", "walk", func(r *reference) vfs.Backend { return shallow{r} }},
	{"claims to be read-only, but writes", "read-only", func(r *reference) vfs.Backend {
		return &layer{reference: r, caps: func() vfs.Caps {
			c := r.Caps()
			c.Writable = false
			return c
		}}
	}},
	{"does not store what was put", "put", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
		k, err := io.Copy(io.Discard, body)
		return vfs.Info{Name: n, Size: k}, err
	})},
	{"reports a coding that it does not store", "put", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		info, err := r.Put(ctx, n, body, opts)
		info.Encoding = opts.Encoding
		return info, err
	})},
	{"claims to store codings", "put", func(r *reference) vfs.Backend {
		return &layer{reference: r, caps: func() vfs.Caps {
			c := r.Caps()
			c.Encodings = true
			return c
		}}
	}},
	{"keeps an ETag across a change", "put", func(r *reference) vfs.Backend {
		same := func(info *vfs.Info) { info.ETag = "same" }
		return &layer{reference: r,
			open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
				obj, err := r.Open(ctx, n, req)
				if err == nil {
					same(&obj.Info)
				}
				return obj, err
			},
			stat: func(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
				info, err := r.Stat(ctx, n, req)
				same(&info)
				return info, err
			},
			put: func(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
				info, err := r.Put(ctx, n, body, opts)
				same(&info)
				return info, err
			},
		}
	}},
	{"reports a time that it does not store", "put time", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		info, err := r.Put(ctx, n, body, opts)
		info.ContentTime = opts.ContentTime
		return info, err
	})},
	{"does not report that an object exists", "put conditions", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		info, err := r.Put(ctx, n, body, opts)
		if errors.Is(err, vfs.ErrExist) {
			err = &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrPrecondition}
		}
		return info, err
	})},
	{"Put ignores conditions", "put conditions", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		opts.Cond = vfs.Cond{}
		return r.Put(ctx, n, body, opts)
	})},
	{"stores a partial body after a failure", "put failures", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		data, err := io.ReadAll(body)
		info, putErr := r.Put(ctx, n, strings.NewReader(string(data)), opts)
		if err != nil {
			return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
		}
		return info, putErr
	})},
	{"accepts a body of any size", "put failures", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		opts.SizeKnown = false
		return r.Put(ctx, n, body, opts)
	})},
	{"leaves a temporary file", "put failures", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		info, err := r.Put(ctx, n, body, opts)
		if err != nil && !n.IsZero() {
			r.mu.Lock()
			r.store(must(n.Dir().Child("tmp-1")), "")
			r.mu.Unlock()
		}
		return info, err
	})},
	{"checks, then puts", "put races", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		r.mu.RLock()
		err := r.checkCond(n, opts.Cond)
		r.mu.RUnlock()
		if err != nil {
			return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
		}
		opts.Cond = vfs.Cond{}
		return r.Put(ctx, n, body, opts)
	})},
	{"replaces in two writes", "put versions", onPut(func(r *reference, ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
		data, err := io.ReadAll(body)
		if err != nil || len(data) < 2 {
			return r.Put(ctx, n, strings.NewReader(string(data)), opts)
		}
		if _, err := r.Put(ctx, n, strings.NewReader(string(data[:len(data)-1])), vfs.PutOptions{}); err != nil {
			return vfs.Info{}, err
		}
		return r.Put(ctx, n, strings.NewReader(string(data)), vfs.PutOptions{})
	})},
	{"continues reading in the new version", "put while reading", func(r *reference) vfs.Backend {
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			obj, err := r.Open(ctx, n, req)
			if err == nil && !obj.Span.Partial {
				obj.Body = bodyOf{&unstableReader{r: r, n: n}, obj.Body}
			}
			return obj, err
		}}
	}},
	{"does not remove", "remove", func(r *reference) vfs.Backend {
		return &layer{reference: r, remove: func(ctx context.Context, n vfs.Name, _ vfs.Cond) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			_, err := r.find(ctx, "remove", n)
			return err
		}}
	}},
	{"removes a directory with everything below it", "remove", func(r *reference) vfs.Backend {
		return &layer{reference: r, remove: func(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
			err := r.Remove(ctx, n, cond)
			r.mu.Lock()
			defer r.mu.Unlock()
			for key := range r.objects {
				if strings.HasPrefix(key, n.String()+"/") {
					delete(r.objects, key)
				}
			}
			return err
		}}
	}},
	{"copies inside the store whatever the condition", "copy", func(r *reference) vfs.Backend { return storeCopies{r} }},
	{"moves without removing", "move", func(r *reference) vfs.Backend { return storeMoves{r} }},
	{"moves to another spelling without removing", "move to another spelling", func(r *reference) vfs.Backend { return storeMoves{r} }},
	{"lets several moves of one object succeed", "move races", func(r *reference) vfs.Backend { return storeMoves{r} }},
	{"Remove ignores conditions", "remove", func(r *reference) vfs.Backend {
		return &layer{reference: r, remove: func(ctx context.Context, n vfs.Name, _ vfs.Cond) error {
			return r.Remove(ctx, n, vfs.Cond{})
		}}
	}},
}

// storeCopies has a CopyFrom that ignores the condition.
type storeCopies struct{ *reference }

func (s storeCopies) Caps() vfs.Caps {
	caps := s.reference.Caps()
	caps.Copies = true
	return caps
}

func (s storeCopies) CopyFrom(ctx context.Context, n vfs.Name, _ vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	obj, err := s.Open(ctx, from.Name, vfs.Request{})
	if err != nil {
		return vfs.Info{}, err
	}
	defer obj.Body.Close()
	opts.Cond = vfs.Cond{}
	if n.String() == "this.txt" {
		return s.Put(ctx, n, strings.NewReader("other bytes"), vfs.PutOptions{})
	}
	return s.Put(ctx, n, obj.Body, opts)
}

// storeMoves has a MoveFrom that only copies.
type storeMoves struct{ *reference }

func (s storeMoves) Caps() vfs.Caps {
	caps := s.reference.Caps()
	caps.Moves = true
	return caps
}

func (s storeMoves) MoveFrom(ctx context.Context, n vfs.Name, _ vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return storeCopies(s).CopyFrom(ctx, n, s, from, opts)
}

// The suite must detect each fault, in the check that covers it.
func TestSuiteFindsFaults(t *testing.T) {
	asked := map[string]bool{}
	for _, tt := range brokenReferences {
		asked[tt.check] = true
		mustFail(t, tt.fault, tt.check, vfstest.Options{}, func(tree vfstest.Tree) vfs.Backend { return tt.make(newReference(tree)) })
	}
	for _, tt := range brokenTrees {
		asked[tt.check] = true
		mustFail(t, tt.fault, tt.check, everything, tt.open)
	}
	for _, check := range vfstest.CheckNames() {
		if !asked[check] {
			t.Errorf("no fault makes the check %q fail", check)
		}
	}
}

func mustFail(t *testing.T, fault, check string, opts vfstest.Options, open func(tree vfstest.Tree) vfs.Backend) {
	t.Run(fault, func(t *testing.T) {
		t.Parallel()
		opts.Weaknesses = allBut(check)
		err := vfstest.CheckBackend(t.Context(), func(tree vfstest.Tree) (vfs.Backend, error) { return open(tree), nil }, opts)
		if err == nil {
			t.Fatalf("the check %q passed", check)
		}
		t.Logf("%.300v", err)
	})
}

// allBut declares all checks but one as weaknesses.
func allBut(check string) map[string]string {
	weak := map[string]string{}
	for _, name := range vfstest.CheckNames() {
		weak[name] = "not tested here"
	}
	delete(weak, check)
	return weak
}

func rename(n *vfs.Name, f func(string) string) {
	if other, err := vfs.ParseName(f(n.String())); err == nil {
		*n = other
	}
}

// atEnd fails instead of returning io.EOF.
type atEnd struct{}

func (*atEnd) Read([]byte) (int, error) { return 0, errors.New("unexpected end") }

// unstableReader reads the object's current content.
type unstableReader struct {
	r   *reference
	n   vfs.Name
	off int
}

func (l *unstableReader) Read(b []byte) (int, error) {
	l.r.mu.RLock()
	defer l.r.mu.RUnlock()
	data := l.r.objects[l.n.String()].data
	if l.off >= len(data) {
		return 0, io.EOF
	}
	n := copy(b, data[l.off:])
	l.off += n
	return n, nil
}
