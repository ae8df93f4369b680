package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func jailOver(t *testing.T, f *fake) *vfs.Jail {
	t.Helper()
	j, err := vfs.New(newBackend(t, f, s3.Options{Writable: true}), vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// A Put that cannot succeed is refused before its body is read, for the same reason as
// on a disk, and at no cost beyond the search for siblings and the check of a visible
// sibling.
func TestPutIsRefusedUnread(t *testing.T) {
	objects := map[string]string{
		"dir/x": "1", "file": "2", "folded/x": "3", "FOLDED": "4", "Parent/x": "5", "parent": "6", "split/x": "7", "split-off": "8", "split.txt": "9",
		"apart/x": "11", "apart-from": "12",
	}
	f := newFake(objects)
	tag := vfs.Tag{Value: strings.Trim(fakeObject{data: "2"}.etag(), `"`), Set: true}
	none, anew := vfs.Cond{}, vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	match := func(tags ...vfs.Tag) vfs.Cond { return vfs.Cond{IfMatch: vfs.Tags{List: tags}} }
	exists := vfs.Cond{IfMatch: vfs.Tags{Any: true}}
	const head, list = "HeadObject", "ListObjectsV2"
	for _, tt := range []struct {
		what, name string
		cond       vfs.Cond
		want       error
		reason     vfs.Reason
		ops        string
	}{
		{"a directory's name", "dir", none, fs.ErrNotExist, reason.Directory, head + " " + list},
		{"a directory's name, to create", "dir", anew, fs.ErrNotExist, reason.Directory, list},
		{"a directory's name, to replace any", "dir", exists, fs.ErrNotExist, reason.Directory, head + " " + list},
		{"a directory's name, to replace one", "dir", match(tag), fs.ErrNotExist, reason.Directory, head + " " + list},
		{"a directory's name, beside another case of it", "folded", none, fs.ErrNotExist, reason.Directory, head + " " + list},
		{"a directory's name, beside another case of it, to create", "folded", anew, fs.ErrNotExist, reason.Directory, list},
		{"a directory's name, after others with the same prefix", "split", none, fs.ErrNotExist, reason.Directory, head + " " + list},
		{"another case of a directory, after others with the same prefix", "Apart", none, fs.ErrNotExist, reason.CreateSibling, head + " " + list + " " + list},
		{"below an object", "file/x", none, fs.ErrNotExist, reason.Missing, head + " " + list + " " + list},
		{"below an object, to create", "file/x", anew, fs.ErrNotExist, reason.Missing, list + " " + list},
		{"below an object, to replace any", "file/x", exists, fs.ErrNotExist, reason.Missing, head + " " + list + " " + list},
		{"deep below an object", "file/x/y", none, fs.ErrNotExist, reason.Missing, head + " " + list + " " + list + " " + list},
		{"below an object that has another case", "parent/y", none, fs.ErrNotExist, reason.Missing, head + " " + list + " " + list},
		{"another case", "FILE", none, fs.ErrNotExist, reason.CreateSibling, head + " " + list + " " + head},
		{"there, to create", "file", anew, vfs.ErrExist, "", list + " " + head},
		{"there, another version", "file", match(vfs.Tag{Value: "other", Set: true}), vfs.ErrPrecondition, "", head},
		{"there, a weak tag", "file", match(vfs.Tag{Value: tag.Value, Set: true, Weak: true}), vfs.ErrPrecondition, "", head},
		{"there, to replace all but this", "file", vfs.Cond{IfNoneMatch: vfs.Tags{List: []vfs.Tag{tag}}}, vfs.ErrPrecondition, "", head},
		{"there, changed since", "file", vfs.Cond{IfUnmodifiedSince: modified.AddDate(-1, 0, 0)}, vfs.ErrPrecondition, "", head},
		{"missing, to replace any", "new", exists, vfs.ErrPrecondition, "", head + " " + list},
		{"missing, to replace one", "dir/new", match(tag), vfs.ErrPrecondition, "", head + " " + list},
		{"missing beside another case of it, to replace any", "FILE", exists, vfs.ErrPrecondition, "", head + " " + list},
	} {
		t.Run(tt.what, func(t *testing.T) {
			j := jailOver(t, f)
			f.taken()
			_, err := j.Put(t.Context(), name(tt.name), unread{t}, vfs.PutOptions{Cond: tt.cond})
			if !errors.Is(err, tt.want) || vfs.ReasonOf(err) != tt.reason {
				t.Errorf("got %v, reason %q, want %v, %q", err, vfs.ReasonOf(err), tt.want, tt.reason)
			}
			if ops := f.ops(); ops != tt.ops {
				t.Errorf("asked %q, want %q", ops, tt.ops)
			}
			var e *vfs.Error
			if _, there := objects[tt.name]; there && tt.want == vfs.ErrPrecondition && (!errors.As(err, &e) || e.Info == nil || e.Info.ETag != tag.Value) {
				t.Errorf("the error has no version: %+v", e)
			}
			if len(f.objects) != len(objects) {
				t.Errorf("there are now %d objects", len(f.objects))
			}
		})
	}
}

// If an object and a directory already have the same name, both can be written to.
func TestPutBesideTheDirectory(t *testing.T) {
	f := newFake(map[string]string{"both": "1", "both/x": "2"})
	j := jailOver(t, f)
	for _, s := range []string{"both", "both/x", "both/new", "both"} {
		if _, err := j.Put(t.Context(), name(s), strings.NewReader("new"), vfs.PutOptions{}); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// held is a body that waits for a signal before it ends.
type held struct {
	begun, end chan struct{}
	err        error
}

func newHeld() *held { return &held{begun: make(chan struct{}), end: make(chan struct{}), err: io.EOF} }

func (h *held) Read([]byte) (int, error) {
	close(h.begun)
	<-h.end
	return 0, h.err
}

// Of two concurrent calls that create an object and one below it, one fails. A call
// that only replaces, or that failed, blocks no other.
func TestPutsInEachOthersWay(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		what          string
		there         map[string]string
		first, second string
		err           error // of the first body
		reason        vfs.Reason
	}{
		{"an object, then below it", nil, "docs", "docs/x", nil, reason.Missing},
		{"below an object, then that", nil, "docs/a/x", "docs", nil, reason.Directory},
		{"below an object, then that as one below", nil, "docs/a/x", "docs/a", nil, reason.Directory},
		{"two of one name", nil, "docs", "docs", nil, ""},
		{"two of one directory", nil, "docs/x", "docs/y", nil, ""},
		{"a replaced object, then below it", map[string]string{"docs": "1", "docs/y": "2"}, "docs", "docs/x", nil, ""},
		{"a body that breaks", nil, "docs", "docs/x", broken, reason.Missing},
	} {
		t.Run(tt.what, func(t *testing.T) {
			f := newFake(tt.there)
			j := jailOver(t, f)
			body := newHeld()
			if tt.err != nil {
				body.err = tt.err
			}
			done := make(chan error)
			go func() {
				_, err := j.Put(t.Context(), name(tt.first), body, vfs.PutOptions{})
				done <- err
			}()
			<-body.begun
			_, err := j.Put(t.Context(), name(tt.second), strings.NewReader("second"), vfs.PutOptions{})
			if vfs.ReasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
				t.Errorf("the second call: %v, reason %q, want %q", err, vfs.ReasonOf(err), tt.reason)
			}
			close(body.end)
			if err := <-done; !errors.Is(err, tt.err) {
				t.Errorf("the first call: %v", err)
			}
			if tt.reason == "" {
				return
			}
			_, err = j.Put(t.Context(), name(tt.second), strings.NewReader("second"), vfs.PutOptions{})
			if (err == nil) != (tt.err != nil) {
				t.Errorf("the second call, repeated: %v", err)
			}
		})
	}
}

// If a Put that came first ends during the second one's search, the second takes its
// result into account, not what it saw before.
func TestPutEndsDuringTheLook(t *testing.T) {
	f := newFake(nil)
	j := jailOver(t, f)
	first := newHeld()
	done := make(chan error)
	go func() {
		_, err := j.Put(t.Context(), name("docs"), first, vfs.PutOptions{})
		done <- err
	}()
	<-first.begun
	lists := 0
	f.list = func(*awss3.ListObjectsV2Output) {
		// The second call now has both its listings, in which docs is missing.
		if lists++; lists == 2 {
			f.mu.Unlock()
			close(first.end)
			if err := <-done; err != nil {
				t.Errorf("the first call: %v", err)
			}
			f.mu.Lock()
		}
	}
	if _, err := j.Put(t.Context(), name("docs/x"), strings.NewReader("second"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Missing {
		t.Errorf("the second call: %v", err)
	}
	if len(f.objects) != 1 {
		t.Errorf("there are %d objects, want only docs", len(f.objects))
	}
}

// A Put that replaces an object creates it if that was removed meanwhile. So a call that
// would conflict with it fails, too, and calls that only replace do not.
func TestPutsInTheWayOfAReplacement(t *testing.T) {
	for _, tt := range []struct {
		what           string
		there, removed []string
		first, second  string
		reason         vfs.Reason // of the second
	}{
		{"a removed object, then below it", []string{"docs"}, []string{"docs"}, "docs", "docs/x", reason.Missing},
		{"below a removed object, then that", []string{"docs/a/x"}, []string{"docs/a/x"}, "docs/a/x", "docs", reason.Directory},
		{"a removed object, twice", []string{"docs"}, []string{"docs"}, "docs", "docs", ""},
		{"an object, twice", []string{"docs"}, nil, "docs", "docs", ""},
		{"an object that is beside a directory, then there", []string{"docs", "docs/x"}, nil, "docs", "docs/x", ""},
		{"there, then the object beside", []string{"docs", "docs/x"}, nil, "docs/x", "docs", ""},
		{"the object beside is removed", []string{"docs", "docs/x"}, []string{"docs"}, "docs/x", "docs", reason.Directory},
		{"the directory beside is removed", []string{"docs", "docs/x"}, []string{"docs/x"}, "docs", "docs/y", reason.Missing},
	} {
		t.Run(tt.what, func(t *testing.T) {
			f := newFake(nil)
			for _, key := range tt.there {
				f.put(key, "1")
			}
			j := jailOver(t, f)
			body := newHeld()
			done := make(chan error)
			go func() {
				_, err := j.Put(t.Context(), name(tt.first), body, vfs.PutOptions{})
				done <- err
			}()
			<-body.begun
			for _, s := range tt.removed {
				if _, err := j.Remove(t.Context(), name(s), vfs.Cond{}); err != nil {
					t.Error(err)
				}
			}
			_, err := j.Put(t.Context(), name(tt.second), strings.NewReader("second"), vfs.PutOptions{})
			if vfs.ReasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
				t.Errorf("the second call: %v, reason %q, want %q", err, vfs.ReasonOf(err), tt.reason)
			}
			close(body.end)
			if err := <-done; err != nil {
				t.Errorf("the first call: %v", err)
			}
		})
	}
}

// Of two calls of which the first has seen its object, which is then removed, one fails.
func TestPutLosesItsObjectDuringTheLook(t *testing.T) {
	for _, tt := range []struct {
		first, second string
		ends          bool // the second, before the first goes on
	}{
		{"docs", "docs/x", false}, {"docs", "docs/x", true},
		{"docs/x", "docs", false}, {"docs/x", "docs", true},
	} {
		t.Run(fmt.Sprintf("%s, %s, %t", tt.first, tt.second, tt.ends), func(t *testing.T) {
			f := newFake(map[string]string{tt.first: "1"})
			j := jailOver(t, f)
			body, second := newHeld(), make(chan error, 1)
			f.headed = func() {
				f.headed = nil
				if _, err := j.Remove(t.Context(), name(tt.first), vfs.Cond{}); err != nil {
					t.Error(err)
				}
				go func() {
					_, err := j.Put(t.Context(), name(tt.second), body, vfs.PutOptions{})
					second <- err
				}()
				select {
				case <-body.begun:
					if tt.ends {
						close(body.end)
						second <- <-second
					}
				case err := <-second:
					second <- err
				}
			}
			_, firstErr := j.Put(t.Context(), name(tt.first), strings.NewReader("new"), vfs.PutOptions{})
			if !tt.ends {
				close(body.end)
			}
			secondErr := <-second
			if (firstErr == nil) == (secondErr == nil) || len(f.objects) != 1 {
				t.Errorf("the first call: %v; the second: %v; there are %d objects", firstErr, secondErr, len(f.objects))
			}
		})
	}
}

// The same if the object is removed after the second call has seen it and before the first
// has looked for it.
func TestPutMeetsALaterReplacement(t *testing.T) {
	for _, tt := range []struct{ first, second string }{{"docs/x", "docs"}, {"docs", "docs/x"}} {
		t.Run(tt.first+", "+tt.second, func(t *testing.T) {
			f := newFake(map[string]string{tt.second: "1"})
			j := jailOver(t, f)
			body, second := newHeld(), make(chan error, 1)
			f.during = func(context.Context, string) error {
				f.during = nil // the first call looks for its own object
				go func() {
					_, err := j.Put(t.Context(), name(tt.second), body, vfs.PutOptions{})
					second <- err
				}()
				select {
				case <-body.begun:
				case err := <-second:
					second <- err
				}
				_, err := j.Remove(t.Context(), name(tt.second), vfs.Cond{})
				return err
			}
			_, firstErr := j.Put(t.Context(), name(tt.first), strings.NewReader("new"), vfs.PutOptions{})
			close(body.end)
			secondErr := <-second
			if (firstErr == nil) == (secondErr == nil) || len(f.objects) != 1 {
				t.Errorf("the first call: %v; the second: %v; there are %d objects", firstErr, secondErr, len(f.objects))
			}
		})
	}
}
