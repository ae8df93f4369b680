package s3_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

const (
	part = 5 << 20 // the minimum of S3
	two  = part + 1
)

// filler returns n bytes in which any shifted or repeated part is detectable.
func filler(n int) string { return allNumbers()[:n] }

var allNumbers = sync.OnceValue(func() string {
	data := make([]byte, 0, 8*part+20)
	for i := 0; len(data) < 8*part; i++ {
		data = append(strconv.AppendInt(data, int64(i), 10), ',')
	}
	return string(data)
})

func writer(t testing.TB, api s3.API) *s3.Backend {
	t.Helper()
	return newBackend(t, api, s3.Options{Writable: true, PartSize: part})
}

func tagOf(data string) vfs.Tag {
	return vfs.Tag{Value: strings.Trim(fakeObject{data: data}.etag(), `"`), Set: true}
}

var (
	creates = vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	anyTag  = vfs.Cond{IfMatch: vfs.Tags{Any: true}}
)

// TestPutRequests checks what a Put costs, and which condition S3 is asked to enforce.
func TestPutRequests(t *testing.T) {
	this, other := tagOf("old"), tagOf("another")
	weak := this
	weak.Weak = true
	hold := func(tag vfs.Tag) string { return ` im "` + tag.Value + `"` }
	ifMatch := func(list ...vfs.Tag) vfs.Cond { return vfs.Cond{IfMatch: tags(list...)} }
	tests := []struct {
		what  string
		there bool
		cond  vfs.Cond
		want  error
		ops   string
	}{
		{"none, new", false, vfs.Cond{}, nil, "PutObject"},
		{"none, replace", true, vfs.Cond{}, nil, "PutObject"},
		{"If-None-Match *, new", false, creates, nil, "PutObject inm *"},
		{"If-None-Match *, there", true, creates, vfs.ErrPrecondition, "PutObject inm *, HeadObject"},
		{"If-Match", true, ifMatch(this), nil, "PutObject" + hold(this)},
		{"If-Match of another tag", true, ifMatch(other), vfs.ErrPrecondition, "PutObject" + hold(other) + ", HeadObject"},
		{"If-Match, missing", false, ifMatch(this), vfs.ErrPrecondition, "PutObject" + hold(this) + ", HeadObject"},
		{"If-Match *", true, anyTag, nil, "HeadObject, PutObject" + hold(this)},
		{"If-Match *, missing", false, anyTag, vfs.ErrPrecondition, "HeadObject"},
		{"If-Match, a list", true, ifMatch(other, this), nil, "HeadObject, PutObject" + hold(this)},
		{"If-Match, a list of other tags", true, ifMatch(other, other), vfs.ErrPrecondition, "HeadObject"},
		{"If-Match, weak", true, ifMatch(weak), vfs.ErrPrecondition, "HeadObject"},
		{"If-Match, a quoted asterisk", true, ifMatch(vfs.Tag{Value: "*", Set: true}), vfs.ErrPrecondition, "HeadObject"},
		{"If-None-Match", true, vfs.Cond{IfNoneMatch: tags(this)}, vfs.ErrPrecondition, "HeadObject"},
		{"If-None-Match, weak", true, vfs.Cond{IfNoneMatch: tags(weak)}, vfs.ErrPrecondition, "HeadObject"},
		{"If-None-Match of another tag", true, vfs.Cond{IfNoneMatch: tags(other)}, nil, "HeadObject, PutObject" + hold(this)},
		{"If-None-Match of another tag, missing", false, vfs.Cond{IfNoneMatch: tags(other)}, nil, "HeadObject, PutObject inm *"},
		{"If-Unmodified-Since", true, vfs.Cond{IfUnmodifiedSince: modified}, nil, "HeadObject, PutObject" + hold(this)},
		{"If-Unmodified-Since, before", true, vfs.Cond{IfUnmodifiedSince: modified.Add(-time.Hour)}, vfs.ErrPrecondition, "HeadObject"},
		{"If-Match and If-None-Match", true, vfs.Cond{IfMatch: tags(this), IfNoneMatch: vfs.Tags{Any: true}}, vfs.ErrPrecondition, "HeadObject"},
		{"If-Modified-Since, which applies only to reads", true, vfs.Cond{IfModifiedSince: modified}, nil, "PutObject"},
	}
	for _, tt := range tests {
		f := newFake(nil)
		if tt.there {
			f = newFake(map[string]string{"file": "old"})
		}
		info, err := writer(t, f).Put(t.Context(), name("file"), strings.NewReader("new"), vfs.PutOptions{Cond: tt.cond, ContentType: "text/css"})
		var ops []string
		for _, c := range f.taken() {
			op := c.op
			if c.ifMatch != "" {
				op += " im " + c.ifMatch
			}
			if c.ifNoneMatch != "" {
				op += " inm " + c.ifNoneMatch
			}
			ops = append(ops, op)
		}
		if got := strings.Join(ops, ", "); got != tt.ops || !errors.Is(err, tt.want) {
			t.Errorf("%s: %s: %v, want %s: %v", tt.what, got, err, tt.ops, tt.want)
		}
		now, ok := f.object("file")
		switch {
		case tt.want == nil && (now.data != "new" || now.contentType != "text/css" || info.ETag != tagOf("new").Value || info.Size != 3):
			t.Errorf("%s: stored %+v, returned %+v", tt.what, now, info)
		case tt.want != nil && (ok != tt.there || tt.there && now.data != "old"):
			t.Errorf("%s: holds %+v", tt.what, now)
		}
		var e *vfs.Error
		if tt.want != nil && tt.there && (!errors.As(err, &e) || e.Info == nil || e.Info.ETag != this.Value) {
			t.Errorf("%s: the error lacks the current version: %+v", tt.what, e)
		}
	}
}

// A large object is sent in parts, whether its size is known or not.
func TestPutParts(t *testing.T) {
	sizes := []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, part - 1, part, two, 2 * part, 6*part + 3}
	if length.Short() {
		sizes = sizes[:8]
	}
	for _, size := range sizes {
		data := filler(size)
		for _, known := range []bool{false, true} {
			for what, body := range map[string]io.Reader{
				"plain":            strings.NewReader(data),
				"end with data":    iotest.DataErrReader(strings.NewReader(data)),
				"in halves":        iotest.HalfReader(strings.NewReader(data)),
				"with empty reads": io.MultiReader(&emptyReads{n: 50}, strings.NewReader(data)),
			} {
				if size >= part && what != "plain" && what != "end with data" {
					continue
				}
				f := newFake(nil)
				info, err := writer(t, f).Put(t.Context(), name("file"), body, vfs.PutOptions{Size: int64(size), SizeKnown: known, Cond: creates})
				o, _ := f.object("file")
				if err != nil || o.data != data || info.Size != int64(size) || len(f.uploads) != 0 {
					t.Fatalf("%d bytes, known %t, %s: stored %d bytes, %+v, %v", size, known, what, len(o.data), info, err)
				}
				ops, want := f.ops(), "PutObject"
				if size > part {
					want = "HeadObject CreateMultipartUpload" + strings.Repeat(" UploadPart", (size+part-1)/part) + " CompleteMultipartUpload"
				}
				if ops != want {
					t.Errorf("%d bytes: %s, want %s", size, ops, want)
				}
			}
		}
	}
}

// emptyReads returns no bytes n times, and then ends.
type emptyReads struct{ n int }

func (e *emptyReads) Read([]byte) (int, error) {
	if e.n--; e.n < 0 {
		return 0, io.EOF
	}
	return 0, nil
}

// A condition that cannot hold is detected before a large body is sent.
func TestPutLooksBeforeParts(t *testing.T) {
	f := newFake(map[string]string{"file": "old"})
	_, err := writer(t, f).Put(t.Context(), name("file"), io.LimitReader(zeros{}, 1<<40), vfs.PutOptions{Cond: creates})
	if ops := f.ops(); !errors.Is(err, vfs.ErrPrecondition) || ops != "HeadObject" {
		t.Errorf("%v after %s", err, ops)
	}
}

// If a body ends in any way but successfully, nothing is stored and nothing is left
// behind.
func TestPutBadBody(t *testing.T) {
	broken := errors.New("the client disconnected")
	for _, sent := range []int{0, 1, 100_000, part - 1, part, two, 3*part + 1} {
		for _, cause := range []error{broken, io.ErrUnexpectedEOF, io.ErrNoProgress, vfs.ErrPrecondition} {
			f := newFake(map[string]string{"file": "old"})
			body := io.MultiReader(strings.NewReader(filler(sent)), iotest.ErrReader(cause))
			_, err := writer(t, f).Put(t.Context(), name("file"), body, vfs.PutOptions{})
			checkKept(t, f, err, cause)
		}
		for _, promised := range []int{sent - 1, sent + 1, sent + part} {
			f := newFake(map[string]string{"file": "old"})
			_, err := writer(t, f).Put(t.Context(), name("file"), strings.NewReader(filler(sent)), vfs.PutOptions{Size: int64(promised), SizeKnown: true})
			if checkKept(t, f, err, nil); err == nil {
				t.Errorf("%d bytes for %d were stored", sent, promised)
			}
		}
	}
	f := newFake(map[string]string{"file": "old"})
	_, err := writer(t, f).Put(t.Context(), name("file"), &emptyReads{n: 1 << 30}, vfs.PutOptions{})
	checkKept(t, f, err, io.ErrNoProgress)
}

// checkKept checks that a Put failed and changed nothing.
func checkKept(t *testing.T, f *fake, err, want error) {
	t.Helper()
	if _, ok := err.(*vfs.Error); !ok || want != nil && !errors.Is(err, want) {
		t.Errorf("got a %T, %v, want %v", err, err, want)
	}
	if o, _ := f.object("file"); o.data != "old" || len(f.uploads) != 0 {
		t.Errorf("after %v: %d bytes are stored, and %d uploads are open", err, len(o.data), len(f.uploads))
	}
}

func TestPutBodyPanics(t *testing.T) {
	for _, sent := range []int{0, 1, two, 3 * part} {
		f := newFake(map[string]string{"file": "old"})
		b := newBackend(t, f, s3.Options{Writable: true, PartSize: part, MaxInFlight: 1})
		func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("recovered %v", v)
				}
			}()
			b.Put(t.Context(), name("file"), io.MultiReader(strings.NewReader(filler(sent)), panics{}), vfs.PutOptions{})
		}()
		if o, _ := f.object("file"); o.data != "old" || len(f.uploads) != 0 {
			t.Errorf("after a panic: %d bytes are stored, and %d uploads are open", len(o.data), len(f.uploads))
		}
		// The slot has been released.
		if _, err := b.Put(t.Context(), name("file"), strings.NewReader("new"), vfs.PutOptions{}); err != nil {
			t.Error(err)
		}
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("boom") }

// Canceling ends a Put at every point, and leaves nothing behind.
func TestPutCanceled(t *testing.T) {
	for _, op := range []string{"HeadObject", "CreateMultipartUpload", "UploadPart"} {
		f := newFake(map[string]string{"file": "old"})
		ctx, cancel := context.WithCancel(t.Context())
		f.during = func(ctx context.Context, now string) error {
			if now != op {
				return nil
			}
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}
		_, err := writer(t, f).Put(ctx, name("file"), io.LimitReader(zeros{}, 4*part), vfs.PutOptions{Cond: anyTag})
		checkKept(t, f, err, context.Canceled)
	}
	// The request that makes the object visible continues, so that its answer is
	// received.
	for op, size := range map[string]int{"PutObject": 1, "CompleteMultipartUpload": two} {
		f := newFake(map[string]string{"file": "old"})
		ctx, cancel := context.WithCancel(t.Context())
		f.during = func(_ context.Context, now string) error {
			if now == op {
				cancel()
			}
			return nil
		}
		data := filler(size)
		if _, err := writer(t, f).Put(ctx, name("file"), strings.NewReader(data), vfs.PutOptions{}); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		if o, _ := f.object("file"); o.data != data || len(f.uploads) != 0 {
			t.Errorf("%s: %d bytes are stored, and %d uploads are open", op, len(o.data), len(f.uploads))
		}
	}
	// But it does not continue forever.
	for op, size := range map[string]int{"PutObject": 1, "CompleteMultipartUpload": two} {
		f := newFake(map[string]string{"file": "old"})
		ctx, cancel := context.WithCancel(t.Context())
		f.during = func(ctx context.Context, now string) error {
			if now == op {
				cancel()
				<-ctx.Done()
			}
			return ctx.Err()
		}
		_, err := writer(t, f).Put(ctx, name("file"), strings.NewReader(filler(size)), vfs.PutOptions{})
		checkKept(t, f, err, context.Canceled)
	}
	f := newFake(map[string]string{"file": "old"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := writer(t, f).Put(ctx, name("file"), panics{}, vfs.PutOptions{})
	checkKept(t, f, err, context.Canceled)
	if err := writer(t, f).Remove(ctx, name("file"), vfs.Cond{}); !errors.Is(err, context.Canceled) || f.ops() != "" {
		t.Errorf("Remove: %v", err)
	}
}

// 10,000 parts must be enough for every size.
func TestPutPartSizes(t *testing.T) {
	f := newFake(nil)
	f.forget = true
	b := newBackend(t, f, s3.Options{Writable: true})
	for size, want := range map[int64]int64{
		8<<20 + 1:      8 << 20,
		10_000 << 23:   8 << 20,
		10_000<<23 + 1: 9 << 20,
		1 << 38:        27 << 20,
	} {
		f.partSizes = nil
		// The lookahead after the first part is one byte.
		body := io.MultiReader(io.LimitReader(zeros{}, want+1), &afterFirstPart{f})
		_, err := b.Put(t.Context(), name("file"), body, vfs.PutOptions{Size: size, SizeKnown: true})
		if err == nil || len(f.partSizes) != 1 || f.partSizes[0] != want {
			t.Errorf("%d bytes: parts %d, %v, want %d", size, f.partSizes, err, want)
		}
	}
	f.taken()
	_, err := b.Put(t.Context(), name("file"), panics{}, vfs.PutOptions{Size: 5<<40 + 1, SizeKnown: true})
	if !errors.Is(err, vfs.ErrFull) || f.ops() != "" {
		t.Errorf("an object that S3 cannot store: %v", err)
	}
}

// afterFirstPart is a body that fails once the service has the first part.
type afterFirstPart struct{ f *fake }

func (a *afterFirstPart) Read([]byte) (int, error) {
	for {
		a.f.mu.Lock()
		n := len(a.f.partSizes)
		a.f.mu.Unlock()
		if n > 0 {
			return 0, errors.New("enough")
		}
		runtime.Gosched()
	}
}

// The parts of a body of unknown size grow. The test measures memory: a thousand parts
// need no more than a few.
func TestPutMemory(t *testing.T) {
	f := newFake(nil)
	f.forget = true
	b := writer(t, f)
	allocated := func(size int64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := b.Put(t.Context(), name("file"), io.LimitReader(zeros{}, size), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few := allocated(8 * part)
	if length.Short() {
		if many := allocated(100 * part); many > few+8*part {
			t.Errorf("%d bytes allocated for 8 parts, %d for 100", few, many)
		}
		return
	}
	f.partSizes = nil
	many := allocated(1000*part + 10*part)
	t.Logf("8 parts: %d KiB allocated, 1005 parts: %d KiB", few>>10, many>>10)
	// One part of each size used, at most four in flight, and some kilobytes per
	// request.
	if many > 8*part+1005*16<<10 {
		t.Errorf("%d bytes allocated for a body of %d", many, 1010*part)
	}
	slices.Sort(f.partSizes)
	if n := len(f.partSizes); n != 1005 || f.partSizes[0] != part || f.partSizes[n-1] != 2*part {
		t.Errorf("%d parts of %d to %d bytes", n, f.partSizes[0], f.partSizes[n-1])
	}
}

// All Puts together hold one part each, and a bounded number more.
func TestPutInFlight(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 64} {
		f := newFake(nil)
		f.forget = true
		var running, most atomic.Int32
		f.during = func(context.Context, string) error {
			n := running.Add(1)
			defer running.Add(-1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			runtime.Gosched()
			return nil
		}
		b := newBackend(t, f, s3.Options{Writable: true, PartSize: part, MaxInFlight: limit})
		done := make(chan error)
		for _, s := range []string{"a", "b", "c"} {
			go func() {
				_, err := b.Put(t.Context(), name(s), io.LimitReader(zeros{}, 6*part), vfs.PutOptions{})
				done <- err
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Errorf("%d in flight: %v", limit, err)
			}
		}
		if n := most.Load(); int(n) > min(limit, 3*4) {
			t.Errorf("%d calls ran at a time, want at most %d", n, limit)
		}
	}
}

// A content type that is not valid in a header is not sent.
func TestPutContentType(t *testing.T) {
	for given, want := range map[string]string{
		"text/html; charset=utf-8": "text/html; charset=utf-8",
		"":                         "",
		"text/plain\r\nX-Evil: 1":  "",
		"text/\x00":                "",
		"téxt/plain":               "",
		strings.Repeat("a", 300):   "",
	} {
		for _, size := range []int{1, two} {
			f := newFake(nil)
			b := writer(t, f)
			info, err := b.Put(t.Context(), name("file"), strings.NewReader(filler(size)), vfs.PutOptions{ContentType: given})
			stat, statErr := b.Stat(t.Context(), name("file"), vfs.Request{})
			if err != nil || statErr != nil || info.ContentType != want || stat.ContentType != want {
				t.Errorf("%q: Put says %q, Stat %q, want %q; %v", given, info.ContentType, stat.ContentType, want, err)
			}
		}
	}
}

// Without Options.Writable, no request that changes the bucket is sent.
func TestReadOnly(t *testing.T) {
	f := newFake(map[string]string{"file": "old"})
	b := newBackend(t, f, s3.Options{})
	_, err := b.Put(t.Context(), name("file"), strings.NewReader("new"), vfs.PutOptions{})
	_, swept := b.SweepUploads(t.Context(), 0, nil)
	for _, err := range []error{err, b.Remove(t.Context(), name("file"), vfs.Cond{}), swept} {
		if !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	}
	if ops := f.ops(); ops != "" || b.Caps().Writable {
		t.Errorf("%s was sent; Caps %+v", ops, b.Caps())
	}
	for _, size := range []int{-1, 1, 5<<20 - 1, 1<<30 + 1} {
		if _, err := s3.New(f, s3.Options{Bucket: bucket, PartSize: size}); err == nil {
			t.Errorf("parts of %d bytes are accepted", size)
		}
	}
}

// If the transport reads a request that has ended, it never gets the buffer's later
// content.
func TestPutDetachesBody(t *testing.T) {
	f := newFake(nil)
	var kept []io.Reader
	api := &keeping{API: f, kept: &kept}
	b := writer(t, api)
	if _, err := b.Put(t.Context(), name("a"), strings.NewReader("the secret of a"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), name("b"), strings.NewReader("the secret of b"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, body := range kept {
		if _, err := body.(io.Seeker).Seek(0, io.SeekStart); err == nil {
			t.Error("a body can be sent again after its request has ended")
		}
		if n, err := body.Read(make([]byte, 100)); n > 0 || err == nil || err == io.EOF {
			t.Errorf("read %d bytes of a request that has ended, %v", n, err)
		}
	}
}

// keeping is an API that keeps the bodies.
type keeping struct {
	s3.API
	kept *[]io.Reader
}

func (k *keeping) PutObject(ctx context.Context, in *awss3.PutObjectInput, opts ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	*k.kept = append(*k.kept, in.Body)
	return &awss3.PutObjectOutput{ETag: aws.String(stubTag)}, nil
}

// A name that MinIO would treat as a directory is not stored.
func TestPutOfAMarkersName(t *testing.T) {
	f := newFake(nil)
	b := newBackend(t, f, s3.Options{Writable: true})
	for _, s := range []string{"x__XLDIR__", "dir/__XLDIR__", "dir__XLDIR__/x"} {
		if _, err := b.Put(t.Context(), name(s), unread{t}, vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Unholdable {
			t.Errorf("%s: %v", s, err)
		}
	}
	if calls := f.taken(); len(calls) != 0 {
		t.Errorf("there were calls: %v", calls)
	}
}
