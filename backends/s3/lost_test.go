package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A write is one change of the object "file" in a bucket where it has the content old.
type write struct {
	what string
	do   func(ctx context.Context, b *s3.Backend) error
	old  string // content before, "" for none
	new  string // content after success
}

func writes() []write {
	putting := func(size int, cond vfs.Cond) func(ctx context.Context, b *s3.Backend) error {
		return func(ctx context.Context, b *s3.Backend) error {
			_, err := b.Put(ctx, name("file"), strings.NewReader(filler(size)), vfs.PutOptions{Cond: cond})
			return err
		}
	}
	removing := func(cond vfs.Cond) func(ctx context.Context, b *s3.Backend) error {
		return func(ctx context.Context, b *s3.Backend) error { return b.Remove(ctx, name("file"), cond) }
	}
	this := vfs.Cond{IfMatch: tags(tagOf("old"))}
	return []write{
		{"small, any", putting(10, vfs.Cond{}), "old", filler(10)},
		{"small, create", putting(10, creates), "", filler(10)},
		{"small, replace", putting(10, this), "old", filler(10)},
		{"small, look", putting(10, anyTag), "old", filler(10)},
		{"large, any", putting(two, vfs.Cond{}), "old", filler(two)},
		{"large, create", putting(two, creates), "", filler(two)},
		{"large, replace", putting(two, this), "old", filler(two)},
		{"large, look", putting(two, anyTag), "old", filler(two)},
		{"remove", removing(vfs.Cond{}), "old", ""},
		{"remove this", removing(this), "old", ""},
	}
}

// TestEveryFailure fails call n of every kind of write, for every n until there is no
// such call: before it reaches the service, or after it, alone or with all following
// ones. Whatever the caller is told must be true.
func TestEveryFailure(t *testing.T) {
	for _, w := range writes() {
		for _, how := range []string{"before", "after", "before and on", "after and on"} {
			t.Run(w.what+" "+how, func(t *testing.T) {
				t.Parallel()
				for n := 0; ; n++ {
					if n > 50 {
						t.Fatal("the calls never end")
					}
					if !failCall(t, w, how, n) {
						return
					}
				}
			})
		}
	}
}

// failCall reports whether there was a call n to fail.
func failCall(t *testing.T, w write, how string, n int) bool {
	inner := newFake(nil)
	if w.old != "" {
		inner = newFake(map[string]string{"file": w.old})
	}
	hit := false
	strike := func(i int, _ string) bool {
		on := strings.HasSuffix(how, "on")
		return i == n || on && i > n
	}
	f := &faulty{api: inner, before: never, after: never}
	if strings.HasPrefix(how, "before") {
		f.before = strike
	} else {
		f.after = strike
	}
	err := w.do(t.Context(), writer(t, f))
	ops := f.taken()
	hit = len(ops) > n
	o, _ := inner.object("file")
	what := fmt.Sprintf("call %d of %q", n, ops)
	_, isVFS := err.(*vfs.Error)
	switch {
	case err != nil && (!isVFS || !errors.Is(err, vfs.ErrUnavailable)):
		t.Errorf("%s: %v", what, err)
	case err == nil && o.data != w.new:
		t.Errorf("%s: it succeeded, but %d bytes are stored", what, len(o.data))
	case err != nil && o.data != w.old && !(how == "after and on" && o.data == w.new):
		t.Errorf("%s: it failed with %v, but %d bytes are stored", what, err, len(o.data))
	case !hit && err != nil:
		t.Errorf("no call failed, but: %v", err)
	}
	// An upload whose id was lost, or that could not be aborted, is left to
	// SweepUploads.
	lostCreate := how == "after" && hit && ops[n] == "CreateMultipartUpload"
	if left := len(inner.uploads); left > 0 && !lostCreate && !strings.HasSuffix(how, "on") {
		t.Errorf("%s: %d uploads are left", what, left)
	}
	left := len(inner.uploads)
	if swept, err := writer(t, inner).SweepUploads(t.Context(), 0, nil); err != nil || swept != left || len(inner.uploads) != 0 {
		t.Errorf("%s: %d of %d uploads were swept, %v", what, swept, left, err)
	}
	return hit
}

// Other changes happen between the check and the change.
func TestOthersInBetween(t *testing.T) {
	for _, size := range []int{10, two} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			last := map[bool]string{true: "PutObject", false: "CompleteMultipartUpload"}[size == 10]
			interfere := func(times int, change func(f *fake)) *fake {
				f := newFake(map[string]string{"file": "old"})
				f.during = func(_ context.Context, op string) error {
					if op == last && times > 0 {
						times--
						change(f)
					}
					return nil
				}
				return f
			}
			replace := func(f *fake) { f.put("file", fmt.Sprint("theirs ", len(f.ops()), time.Now())) }
			remove := func(f *fake) {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.objects, "file")
			}
			for _, tt := range []struct {
				what   string
				cond   vfs.Cond
				times  int
				change func(f *fake)
				want   error
			}{
				{"any version, which changes once", anyTag, 1, replace, nil},
				{"any version, which changes forever", anyTag, 1000, replace, vfs.ErrUnavailable},
				{"any version, which is removed", anyTag, 1, remove, vfs.ErrPrecondition},
				{"this or that version, which changes", vfs.Cond{IfMatch: tags(otherTag, tagOf("old"))}, 1, replace, vfs.ErrPrecondition},
				{"not that version, which changes", vfs.Cond{IfNoneMatch: tags(otherTag)}, 1, replace, nil},
				{"not that version, and it is removed", vfs.Cond{IfNoneMatch: tags(otherTag)}, 1, remove, nil},
				{"this version, which changes", vfs.Cond{IfMatch: tags(tagOf("old"))}, 1, replace, vfs.ErrPrecondition},
			} {
				f := interfere(tt.times, tt.change)
				_, err := writer(t, f).Put(t.Context(), name("file"), strings.NewReader(filler(size)), vfs.PutOptions{Cond: tt.cond})
				o, _ := f.object("file")
				if !errors.Is(err, tt.want) || (o.data == filler(size)) != (tt.want == nil) || len(f.uploads) != 0 {
					t.Errorf("%s: %v, %d bytes are stored, %d uploads are open", tt.what, err, len(o.data), len(f.uploads))
				}
			}
		})
	}
}

// scripted is a bucket that stores one object and treats each PutObject according to
// the script: "lose" stores it and breaks the connection, a number answers with that
// status and stores nothing, "ok" stores it. After the script, it enforces
// If-None-Match.
func scripted(t *testing.T, script ...string) *stub {
	var mu sync.Mutex
	var stored http.Header
	puts := 0
	return newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		switch r.Method {
		case http.MethodHead:
			if stored == nil {
				sendError(w, r, 404, "")
				return
			}
			for key := range stored {
				if strings.HasPrefix(key, "X-Amz-Meta-") {
					w.Header().Set(key, stored.Get(key))
				}
			}
			send(w, r, "as it is", stubTag)
		case http.MethodPut:
			if r.Header.Get("Content-Length") == "" && len(body) > 0 && r.ContentLength != int64(len(body)) {
				t.Error("no Content-Length")
			}
			step := "heed"
			if puts < len(script) {
				step = script[puts]
			}
			puts++
			status, code, _ := strings.Cut(step, " ")
			switch {
			case status == "theirs":
				stored = http.Header{"X-Amz-Meta-Bailiwick-Put": {"another's"}}
				sendError(w, r, 500, "InternalError")
			case status == "lose":
				stored = r.Header
				panic(http.ErrAbortHandler)
			case status == "late":
				stored = r.Header
				sendError(w, r, 500, "InternalError")
			case status == "heed" && stored != nil && r.Header.Get("If-None-Match") == "*":
				sendError(w, r, 412, "PreconditionFailed")
			case status == "heed":
				stored = r.Header
				w.Header().Set("ETag", stubTag)
			default:
				var n int
				fmt.Sscan(status, &n)
				sendError(w, r, n, code)
			}
		}
	})
}

// A client that repeats a request can meet the result of its own first one.
func TestLostAnswer(t *testing.T) {
	conflict := "409 ConditionalRequestConflict"
	tests := []struct {
		what   string
		script []string
		want   error
		seen   string
	}{
		{"lost, asked again", []string{"lose"}, nil, "PUT PUT HEAD"},
		{"an error, and stored, asked again", []string{"late"}, nil, "PUT PUT HEAD"},
		{"an error, asked again", []string{"500 InternalError"}, nil, "PUT PUT"},
		{"an error, and another was faster", []string{"theirs"}, vfs.ErrExist, "PUT PUT HEAD"},
		{"lost forever, and stored", []string{"lose", "lose", "lose"}, nil, "PUT PUT PUT HEAD"},
		{"errors forever", []string{"500 InternalError", "503 SlowDown", "500 InternalError"}, vfs.ErrUnavailable, "PUT PUT PUT HEAD"},
		{"a conflict", []string{conflict}, nil, "PUT HEAD PUT"},
		{"a conflict with one who wins", []string{"theirs", conflict}, vfs.ErrExist, "PUT PUT HEAD"},
		{"conflicts forever", []string{conflict, conflict, conflict, conflict}, vfs.ErrUnavailable, "PUT HEAD PUT HEAD PUT HEAD PUT HEAD"},
		{"412 for a missing object", []string{"412 PreconditionFailed"}, nil, "PUT HEAD PUT"},
		{"no room", []string{"507 XMinioStorageFull"}, vfs.ErrFull, "PUT"},
		{"quota", []string{"403 QuotaExceeded"}, vfs.ErrFull, "PUT"},
		{"too large", []string{"400 EntityTooLarge"}, vfs.ErrFull, "PUT"},
		{"not implemented", []string{"501 NotImplemented"}, vfs.ErrUnsupported, "PUT"},
		{"no bucket", []string{"404 NoSuchBucket"}, vfs.ErrUnavailable, "PUT"},
		{"an answer unknown for a change", []string{"404 NoSuchKey"}, vfs.ErrUnavailable, "PUT"},
		{"corrupted in transit", []string{"400 BadDigest"}, vfs.ErrUnavailable, "PUT"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			s := scripted(t, tt.script...)
			b := s.backend(s3.Options{Writable: true})
			info, err := b.Put(t.Context(), name("file"), strings.NewReader("data"), vfs.PutOptions{Cond: creates})
			if tt.want != nil {
				checkError(t, s, "put", err, tt.want)
			} else if err != nil || `"`+info.ETag+`"` != stubTag || info.Size != 4 {
				t.Errorf("got %+v, %v", info, err)
			}
			if got := strings.Join(s.requests(), " "); got != tt.seen {
				t.Errorf("requests %s, want %s", got, tt.seen)
			}
		})
	}
	for script, why := range map[string]vfs.Reason{
		"403 AccessDenied":                  reason.Permission,
		"400 KeyTooLongError":               reason.Unholdable,
		"409 ObjectParentIsFile":            reason.Missing,
		"409 ExistingObjectIsDirectory":     reason.Directory,
		"400 XMinioObjectExistsAsDirectory": reason.Directory,
	} {
		_, err := scripted(t, script).backend(s3.Options{Writable: true}).Put(t.Context(), name("file"), strings.NewReader("data"), vfs.PutOptions{})
		if vfs.ReasonOf(err) != why {
			t.Errorf("%s: reason %q, %v, want %q", script, vfs.ReasonOf(err), err, why)
		}
	}
}

// multiparts is a stub of a multipart upload that answers each CompleteMultipartUpload
// according to the script, and keeps the metadata of those that the script stores.
func multiparts(t *testing.T, script ...string) (s *stub, seen func() []string) {
	var mu sync.Mutex
	var meta string
	var ops []string
	stored, completes := false, 0
	s = newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		q := r.URL.Query()
		op := ""
		defer func() { ops = append(ops, op) }()
		switch {
		case r.Method == http.MethodHead && stored:
			op = "head"
			w.Header().Set("X-Amz-Meta-Bailiwick-Put", meta)
			send(w, r, "as it is", stubTag)
		case r.Method == http.MethodHead:
			op = "head"
			sendError(w, r, 404, "")
		case q.Has("uploads"):
			op = "create"
			meta = r.Header.Get("X-Amz-Meta-Bailiwick-Put")
			if meta == "" || r.Header.Get("X-Amz-Checksum-Algorithm") != "CRC32" {
				t.Errorf("an upload began with %v", r.Header)
			}
			fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>the-id</UploadId></InitiateMultipartUploadResult>`)
		case r.Method == http.MethodPut:
			op = "part"
			if r.ContentLength <= 0 || r.Header.Get("X-Amz-Checksum-Crc32") == "" {
				t.Errorf("a part came with %v", r.Header)
			}
			w.Header().Set("ETag", stubTag)
		case r.Method == http.MethodDelete:
			op = "abort"
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodPost:
			op = "complete"
			step := script[min(completes, len(script)-1)]
			completes++
			stored = stored || strings.Contains(step, "stored")
			switch status, code, _ := strings.Cut(strings.TrimPrefix(step, "stored "), " "); status {
			case "200":
				if code == "" {
					fmt.Fprintf(w, `<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>`, strings.ReplaceAll(stubTag, `"`, "&quot;"))
					return
				}
				fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n\n\n<Error><Code>%s</Code><Message>no</Message></Error>", code)
			case "cut":
				io.WriteString(w, "<?xml version=\"1.0\"?><CompleteMulti")
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			default:
				var n int
				fmt.Sscan(status, &n)
				sendError(w, r, n, code)
			}
		}
	})
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return ops
	}
}

// CompleteMultipartUpload can answer 200 and still fail. The upload is aborted before
// its result is checked, so that it cannot complete later.
func TestComplete(t *testing.T) {
	tests := []struct {
		what   string
		script []string
		cond   vfs.Cond
		want   error
		tail   string // requests after the parts
	}{
		{"done", []string{"stored 200"}, vfs.Cond{}, nil, "complete"},
		{"200 with an error, asked again", []string{"200 InternalError", "stored 200"}, vfs.Cond{}, nil, "complete complete"},
		{"200 with an error, forever", []string{"200 InternalError"}, vfs.Cond{}, vfs.ErrUnavailable, "complete complete complete abort head"},
		{"200 with an error, and stored", []string{"stored 200 InternalError", "404 NoSuchUpload"}, vfs.Cond{}, nil, "complete complete abort head"},
		{"cut, and stored", []string{"stored cut", "404 NoSuchUpload"}, vfs.Cond{}, nil, ""},
		{"cut, and lost", []string{"cut", "404 NoSuchUpload"}, vfs.Cond{}, vfs.ErrUnavailable, ""},
		{"aborted by others", []string{"404 NoSuchUpload"}, vfs.Cond{}, vfs.ErrUnavailable, "complete abort head"},
		{"an invalid part", []string{"400 InvalidPart"}, vfs.Cond{}, vfs.ErrUnavailable, "complete abort"},
		{"no room", []string{"507 InsufficientStorage"}, vfs.Cond{}, vfs.ErrFull, "complete abort"},
		{"412 after its own success", []string{"stored 500 InternalError", "412 PreconditionFailed"}, creates, nil, "complete complete head"},
		{"a conflict, which ends the upload", []string{"409 ConditionalRequestConflict", "404 NoSuchUpload"}, creates, vfs.ErrUnavailable, "complete head complete abort head"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			s, seen := multiparts(t, tt.script...)
			b := s.backend(s3.Options{Writable: true, PartSize: part})
			info, err := b.Put(t.Context(), name("file"), strings.NewReader(filler(two)), vfs.PutOptions{Cond: tt.cond})
			if tt.want != nil {
				checkError(t, s, "put", err, tt.want)
			} else if err != nil || `"`+info.ETag+`"` != stubTag {
				t.Errorf("got %+v, %v", info, err)
			}
			ops := seen()
			tail := strings.Join(ops[slices.Index(ops, "complete"):], " ")
			if tt.tail != "" && tail != tt.tail {
				t.Errorf("requests end in %s, want %s", tail, tt.tail)
			}
			if aborted := slices.Contains(ops, "abort"); err != nil && !aborted {
				t.Errorf("the upload was not aborted: %s", tail)
			}
		})
	}
}

// If a service stops accepting a body, Put gives up.
func TestPutStalls(t *testing.T) {
	for _, size := range []int{1 << 20, 16 << 20} {
		release := make(chan struct{})
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case r.Method == http.MethodHead:
				sendError(w, r, 404, "")
			case r.Method == http.MethodPut:
				<-release
			case r.URL.Query().Has("uploads"):
				fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>the-id</UploadId></InitiateMultipartUploadResult>`)
			}
		})
		// A handler that does not read the body is not told that the client has gone.
		t.Cleanup(func() { close(release) })
		b := s.once(s3.Options{Writable: true, IdleTimeout: 200 * time.Millisecond})
		_, err := b.Put(t.Context(), name("file"), io.LimitReader(zeros{}, int64(size)), vfs.PutOptions{})
		checkError(t, s, "put", err, vfs.ErrUnavailable)
	}
}

// The client's settings determine whether a small object carries a checksum.
func TestPutChecksum(t *testing.T) {
	for setting, want := range map[aws.RequestChecksumCalculation]string{
		aws.RequestChecksumCalculationWhenRequired:  "",
		aws.RequestChecksumCalculationWhenSupported: sumOf("data"),
	} {
		s := scripted(t)
		client := awss3.New(newClient(t, s.URL).Options(), func(o *awss3.Options) { o.RequestChecksumCalculation = setting })
		if _, err := newBackend(t, client, s3.Options{Writable: true}).Put(t.Context(), name("file"), strings.NewReader("data"), vfs.PutOptions{}); err != nil {
			t.Error(err)
		}
		r := s.request(0)
		if got := r.Header.Get("X-Amz-Checksum-Crc32"); got != want || r.ContentLength != 4 || len(r.TransferEncoding) > 0 {
			t.Errorf("%v: checksum %q, length %d, %v", setting, got, r.ContentLength, r.TransferEncoding)
		}
	}
}
