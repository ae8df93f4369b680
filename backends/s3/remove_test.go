package s3_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func TestRemoveRequests(t *testing.T) {
	this, other := tagOf("old"), tagOf("another")
	hold := ` im "` + this.Value + `"`
	for _, tt := range []struct {
		what  string
		there bool
		cond  vfs.Cond
		want  error
		ops   string
	}{
		{"none", true, vfs.Cond{}, nil, "HeadObject, DeleteObject"},
		{"If-Match", true, vfs.Cond{IfMatch: tags(this)}, nil, "HeadObject, DeleteObject" + hold},
		{"If-Match *", true, anyTag, nil, "HeadObject, DeleteObject" + hold},
		{"If-Match, a list", true, vfs.Cond{IfMatch: tags(other, this)}, nil, "HeadObject, DeleteObject" + hold},
		{"If-Match of another tag", true, vfs.Cond{IfMatch: tags(other)}, vfs.ErrPrecondition, "HeadObject"},
		{"If-None-Match of another tag", true, vfs.Cond{IfNoneMatch: tags(other)}, nil, "HeadObject, DeleteObject" + hold},
		{"If-None-Match *", true, creates, vfs.ErrPrecondition, "HeadObject"},
		{"If-Unmodified-Since, before", true, vfs.Cond{IfUnmodifiedSince: modified.Add(-time.Hour)}, vfs.ErrPrecondition, "HeadObject"},
	} {
		f := newFake(map[string]string{"file": "old", "file/below": "kept"})
		err := writer(t, f).Remove(t.Context(), name("file"), tt.cond)
		var ops []string
		for _, c := range f.taken() {
			op := c.op
			if c.ifMatch != "" {
				op += " im " + c.ifMatch
			}
			ops = append(ops, op)
		}
		if got := strings.Join(ops, ", "); got != tt.ops || !errors.Is(err, tt.want) {
			t.Errorf("%s: %s: %v, want %s: %v", tt.what, got, err, tt.ops, tt.want)
		}
		if _, ok := f.object("file"); ok == (tt.want == nil) {
			t.Errorf("%s: %v, and the object exists: %t", tt.what, err, ok)
		}
		if _, ok := f.object("file/below"); !ok {
			t.Errorf("%s: another object was removed", tt.what)
		}
	}
	f := newFake(nil)
	for _, cond := range []vfs.Cond{{}, anyTag, creates} {
		if err := writer(t, f).Remove(t.Context(), name("file"), cond); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("a missing object: %v", err)
		}
	}
	if ops := f.ops(); strings.Contains(ops, "Delete") {
		t.Errorf("a missing object: %s", ops)
	}
}

// A second DeleteObject can meet the result of the first.
func TestRemoveLostAnswer(t *testing.T) {
	for _, tt := range []struct {
		what   string
		status int
		code   string
		gone   bool
		want   error
		seen   string
	}{
		{"lost, and gone", 412, "PreconditionFailed", true, nil, "HEAD DELETE DELETE HEAD"},
		{"lost, and gone, as AWS says it", 404, "NoSuchKey", true, nil, "HEAD DELETE DELETE HEAD"},
		{"errors, and there", 500, "InternalError", false, vfs.ErrUnavailable, "HEAD DELETE DELETE DELETE HEAD"},
		{"errors, and gone", 500, "InternalError", true, nil, "HEAD DELETE DELETE DELETE HEAD"},
	} {
		deletes := 0
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case r.Method == http.MethodHead && deletes > 0 && tt.gone:
				sendError(w, r, 404, "")
			case r.Method == http.MethodHead:
				send(w, r, "old", stubTag)
			default:
				if r.Header.Get("If-Match") != stubTag {
					t.Errorf("If-Match %q", r.Header.Get("If-Match"))
				}
				if deletes++; deletes == 1 {
					panic(http.ErrAbortHandler)
				}
				sendError(w, r, tt.status, tt.code)
			}
		})
		err := s.backend(s3.Options{Writable: true}).Remove(t.Context(), name("file"), anyTag)
		if tt.want != nil {
			checkError(t, s, "remove", err, tt.want)
		} else if err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		if got := strings.Join(s.requests(), " "); got != tt.seen {
			t.Errorf("%s: requests %s, want %s", tt.what, got, tt.seen)
		}
	}
}

// Only age and place decide which uploads are swept.
func TestSweepUploads(t *testing.T) {
	old, fresh := time.Now().Add(-48*time.Hour), time.Now()
	for _, pageSize := range []int{0, 1, 2, 3} {
		f := newFake(nil)
		f.pageSize = pageSize
		for i, u := range []fakeUpload{
			{key: "pub/a", initiated: old},
			{key: "pub/a", initiated: fresh},
			{key: "pub/a", initiated: old},
			{key: "pub/deep/b c+d", initiated: old},
			{key: "pub/é", initiated: old},
			{key: "pub/../x", initiated: old},
			{key: "pub//x", initiated: old},
			{key: "pub/", initiated: old},
			{key: "pub", initiated: old},
			{key: "pub-secret/a", initiated: old},
			{key: "other/a", initiated: old},
		} {
			f.uploads[fmt.Sprintf("id-%02d", i)] = &u
		}
		b := newBackend(t, f, s3.Options{Writable: true, Prefix: "pub"})
		if n, err := b.SweepUploads(t.Context(), 24*time.Hour, nil); n != 4 || err != nil {
			t.Errorf("pages of %d: %d swept, %v, want 4", pageSize, n, err)
		}
		if n, err := b.SweepUploads(t.Context(), 24*time.Hour, nil); n != 0 || err != nil {
			t.Errorf("pages of %d, again: %d swept, %v", pageSize, n, err)
		}
		for _, id := range []string{"id-01", "id-05", "id-06", "id-07", "id-08", "id-09", "id-10"} {
			if f.uploads[id] == nil {
				t.Errorf("pages of %d: the upload %s was aborted", pageSize, id)
			}
		}
		if n, err := b.SweepUploads(t.Context(), -1, nil); n != 0 || err == nil {
			t.Errorf("an age of -1 swept %d, %v", n, err)
		}
	}
}

// The caller decides about names that are old enough. If it does not know, nothing more is
// aborted.
func TestSweepUploadsSelected(t *testing.T) {
	old := time.Now().Add(-48 * time.Hour)
	for _, pageSize := range []int{0, 1} {
		f := newFake(nil)
		f.pageSize = pageSize
		for i, u := range []fakeUpload{
			{key: "pub/a", initiated: old},
			{key: "pub/b", initiated: old},
			{key: "pub/c", initiated: time.Now()},
			{key: "pub//d", initiated: old},
			{key: "pub/e", initiated: old},
			{key: "x", initiated: old},
		} {
			f.uploads[fmt.Sprint(i)] = &u
		}
		b := newBackend(t, f, s3.Options{Writable: true, Prefix: "pub"})
		broken := errors.New("broken")
		n, err := b.SweepUploads(t.Context(), 24*time.Hour, func(_ context.Context, n vfs.Name) (bool, error) {
			return true, broken
		})
		if n != 0 || !errors.Is(err, broken) || len(f.uploads) != 6 {
			t.Errorf("pages of %d: the caller did not know, but %d were swept, %v, %d are left", pageSize, n, err, len(f.uploads))
		}
		asked := map[string]bool{}
		n, err = b.SweepUploads(t.Context(), 24*time.Hour, func(_ context.Context, n vfs.Name) (bool, error) {
			asked[n.String()] = true
			return n.String() != "b", nil
		})
		if n != 2 || err != nil || len(f.uploads) != 4 || f.uploads["1"] == nil {
			t.Errorf("pages of %d: %d swept, %v, %d are left", pageSize, n, err, len(f.uploads))
		}
		if want := map[string]bool{"a": true, "b": true, "e": true}; !maps.Equal(asked, want) {
			t.Errorf("pages of %d: the caller was asked about %v, want %v", pageSize, asked, want)
		}
	}
}

// AbortUploads aborts the uploads of one name, whatever their age, and no others.
func TestAbortUploads(t *testing.T) {
	for _, pageSize := range []int{0, 1} {
		f := newFake(nil)
		f.pageSize = pageSize
		for i, key := range []string{"pub/a", "pub/a", "pub/ab", "pub/a/b", "a", "pub/pub/a"} {
			f.uploads[fmt.Sprint(i)] = &fakeUpload{key: key, initiated: time.Now().Add(time.Hour)}
		}
		b := newBackend(t, f, s3.Options{Writable: true, Prefix: "pub"})
		for _, want := range []int{2, 0} {
			if n, err := b.AbortUploads(t.Context(), name("a")); n != want || err != nil || len(f.uploads) != 4 {
				t.Errorf("pages of %d: %d aborted, %v, want %d; %d are left", pageSize, n, err, want, len(f.uploads))
			}
		}
		f.fail = func(string) error { return apiError(503, "SlowDown") }
		if n, err := b.AbortUploads(t.Context(), name("ab")); n != 0 || !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("no answer: %d aborted, %v", n, err)
		}
		if n, err := newBackend(t, f, s3.Options{Prefix: "pub"}).AbortUploads(t.Context(), name("ab")); n != 0 || !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("read only: %d aborted, %v", n, err)
		}
	}
}

// An upload that cannot be aborted does not protect the others.
func TestSweepUploadsFails(t *testing.T) {
	f := newFake(nil)
	for i := range 5 {
		f.uploads[fmt.Sprint(i)] = &fakeUpload{key: fmt.Sprint("key", i)}
	}
	aborts := 0
	f.fail = func(op string) error {
		if op == "AbortMultipartUpload" {
			switch aborts++; aborts {
			case 2:
				return apiError(403, "AccessDenied")
			case 3:
				delete(f.uploads, "2")
				return apiError(404, "NoSuchUpload")
			}
		}
		return nil
	}
	n, err := writer(t, f).SweepUploads(t.Context(), 0, nil)
	if n != 3 || vfs.ReasonOf(err) != reason.Permission || len(f.uploads) != 1 {
		t.Errorf("%d swept, %v, %d are left", n, err, len(f.uploads))
	}
	f.fail = func(op string) error { return apiError(404, "NoSuchBucket") }
	if n, err := writer(t, f).SweepUploads(t.Context(), 0, nil); n != 0 || !errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("no bucket: %d swept, %v", n, err)
	}
}
