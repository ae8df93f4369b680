package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var (
	thisTag  = vfs.Tag{Value: strings.Trim(stubTag, `"`), Set: true}
	weakTag  = vfs.Tag{Value: thisTag.Value, Set: true, Weak: true}
	otherTag = vfs.Tag{Value: "other", Set: true}
)

func tags(list ...vfs.Tag) vfs.Tags { return vfs.Tags{List: list} }

// One call is one request, which tells S3 as much as is safe. The server in this test
// behaves correctly.
func TestRequests(t *testing.T) {
	later := modified.Add(time.Hour)
	tests := []struct {
		what string
		req  vfs.Request
		want error
		ops  []string // the requests, with range and conditions
	}{
		{"whole", vfs.Request{}, nil, []string{"GET"}},
		{"a-b", vfs.Request{Range: vfs.RangeBetween(2, 5)}, nil, []string{"GET bytes=2-5"}},
		{"a-", vfs.Request{Range: vfs.RangeFrom(2)}, nil, []string{"GET bytes=2-"}},
		{"0-", vfs.Request{Range: vfs.RangeFrom(0)}, nil, []string{"GET bytes=0-"}},
		{"-n", vfs.Request{Range: vfs.RangeSuffix(3)}, nil, []string{"GET bytes=-3"}},
		{"-n with an impossible size", vfs.Request{Range: vfs.RangeSuffix(1<<63 - 1)}, nil, []string{"GET bytes=0-"}},
		{"a-b with an impossible size", vfs.Request{Range: vfs.RangeBetween(1, 1<<63-1)}, nil, []string{"GET bytes=1-"}},
		{"-0", vfs.Request{Range: vfs.RangeSuffix(0)}, vfs.ErrRange, []string{"HEAD"}},
		{"outside", vfs.Request{Range: vfs.RangeFrom(100)}, vfs.ErrRange, []string{"GET bytes=100-", "HEAD"}},
		{"If-None-Match", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(thisTag)}}, vfs.ErrNotModified, []string{"GET inm " + stubTag}},
		{"If-None-Match, weak", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(weakTag)}}, vfs.ErrNotModified, []string{"GET inm " + stubTag}},
		{"If-None-Match of another tag", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(otherTag)}}, nil, []string{`GET inm "other"`}},
		{"If-None-Match, a list", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(otherTag, thisTag)}}, vfs.ErrNotModified, []string{"GET"}},
		{"If-None-Match, a comma", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(vfs.Tag{Value: "a,b", Set: true})}}, nil, []string{"GET"}},
		{"If-None-Match, a quoted asterisk", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(vfs.Tag{Value: "*", Set: true})}}, nil, []string{"GET"}},
		{"If-None-Match, a line break", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(vfs.Tag{Value: "a\r\nX: y", Set: true})}}, nil, []string{"GET"}},
		{"If-None-Match *", vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}, vfs.ErrNotModified, []string{"HEAD"}},
		{"If-None-Match drops If-Modified-Since", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(otherTag), IfModifiedSince: later}}, nil, []string{`GET inm "other"`}},
		{"If-Modified-Since", vfs.Request{Cond: vfs.Cond{IfModifiedSince: modified}}, vfs.ErrNotModified, []string{"GET ims"}},
		{"If-Modified-Since, before", vfs.Request{Cond: vfs.Cond{IfModifiedSince: modified.Add(-time.Hour)}}, nil, []string{"GET ims"}},
		{"If-Unmodified-Since, before", vfs.Request{Cond: vfs.Cond{IfUnmodifiedSince: modified.Add(-time.Hour)}}, vfs.ErrPrecondition, []string{"GET"}},
		{"If-Unmodified-Since, before, with If-None-Match", vfs.Request{Cond: vfs.Cond{IfUnmodifiedSince: modified.Add(-time.Hour), IfNoneMatch: tags(thisTag)}}, vfs.ErrPrecondition, []string{"GET"}},
		{"If-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(thisTag)}}, nil, []string{"GET im " + stubTag}},
		{"If-Match, weak", vfs.Request{Cond: vfs.Cond{IfMatch: tags(weakTag)}}, vfs.ErrPrecondition, []string{"GET"}},
		{"If-Match of another tag", vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag)}}, vfs.ErrPrecondition, []string{`GET im "other"`, "HEAD"}},
		{"If-Match, a list", vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag, thisTag)}}, nil, []string{"GET"}},
		{"If-Match, a list, with If-None-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag, thisTag), IfNoneMatch: tags(thisTag)}}, vfs.ErrNotModified, []string{"GET"}},
		{"If-Match, a list, with If-Modified-Since", vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag, thisTag), IfModifiedSince: modified}}, vfs.ErrNotModified, []string{"GET"}},
		{"If-Match *, with If-Modified-Since", vfs.Request{Cond: vfs.Cond{IfMatch: vfs.Tags{Any: true}, IfModifiedSince: modified}}, vfs.ErrNotModified, []string{"GET"}},
		{"If-Match with If-None-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(thisTag), IfNoneMatch: tags(thisTag)}}, vfs.ErrNotModified, []string{"GET im " + stubTag}},
		{"If-Range", vfs.Request{Cond: vfs.Cond{IfRangeTag: thisTag}, Range: vfs.RangeFrom(4)}, nil, []string{"GET bytes=4- im " + stubTag}},
		{"If-Range, stale", vfs.Request{Cond: vfs.Cond{IfRangeTag: otherTag}, Range: vfs.RangeFrom(4)}, nil, []string{`GET bytes=4- im "other"`, "GET"}},
		{"If-Range, stale, not marked as set", vfs.Request{Cond: vfs.Cond{IfRangeTag: vfs.Tag{Value: otherTag.Value}}, Range: vfs.RangeFrom(4)}, nil, []string{`GET bytes=4- im "other"`, "GET"}},
		{"If-Range, weak", vfs.Request{Cond: vfs.Cond{IfRangeTag: weakTag}, Range: vfs.RangeFrom(4)}, nil, []string{"GET"}},
		{"If-Range without a range", vfs.Request{Cond: vfs.Cond{IfRangeTag: otherTag}}, nil, []string{"GET"}},
		{"If-Range that cannot be sent", vfs.Request{Cond: vfs.Cond{IfRangeTag: vfs.Tag{Value: "a,b", Set: true}}, Range: vfs.RangeFrom(4)}, nil, []string{"GET bytes=4-", "GET"}},
		{"If-Range, date", vfs.Request{Cond: vfs.Cond{IfRangeDate: modified, Now: later}, Range: vfs.RangeFrom(4)}, nil, []string{"GET bytes=4- ius"}},
		{"If-Range, earlier date", vfs.Request{Cond: vfs.Cond{IfRangeDate: modified.Add(-time.Hour), Now: later}, Range: vfs.RangeFrom(4)}, nil, []string{"GET bytes=4- ius", "GET"}},
		{"If-Range, later date", vfs.Request{Cond: vfs.Cond{IfRangeDate: later, Now: later.Add(time.Hour)}, Range: vfs.RangeFrom(4)}, nil, []string{"GET bytes=4- ius", "GET"}},
		{"If-Range, date within its second", vfs.Request{Cond: vfs.Cond{IfRangeDate: modified, Now: modified}, Range: vfs.RangeFrom(4)}, nil, []string{"GET"}},
	}
	const data = "0123456789"
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			s := newStub(t, answerWell(data))
			obj, got, err := fetch(t.Context(), s.backend(s3.Options{}), tt.req)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if ops := asked(s); !slices.Equal(ops, tt.ops) {
				t.Errorf("asked %q, want %q", ops, tt.ops)
			}
			if tt.want != nil {
				var e *vfs.Error
				if !errors.As(err, &e) || e.Info == nil || e.Info.ETag != thisTag.Value || !e.Info.ModTime.Equal(modified) {
					t.Errorf("the error's Info is %+v", e.Info)
				}
				return
			}
			info := vfs.Info{Name: name("file"), Size: 10, ETag: thisTag.Value, ModTime: modified}
			span, err := tt.req.Resolve("open", info)
			if err != nil || obj.Span != span || got != data[span.Offset:][:span.Length] {
				t.Errorf("Span %+v with %q, want %+v (%v)", obj.Span, got, span, err)
			}
		})
	}
}

// answerWell answers like AWS.
func answerWell(data string) func(w http.ResponseWriter, r *http.Request, _ int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		h := r.Header
		date := func(name string) time.Time {
			t, _ := http.ParseTime(h.Get(name))
			return t
		}
		w.Header().Set("ETag", stubTag)
		w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
		switch {
		case h.Get("If-Match") != "" && h.Get("If-Match") != stubTag,
			h.Get("If-Unmodified-Since") != "" && modified.After(date("If-Unmodified-Since")):
			sendError(w, r, 412, "PreconditionFailed")
		case h.Get("If-None-Match") == stubTag,
			h.Get("If-Modified-Since") != "" && !modified.After(date("If-Modified-Since")):
			sendError(w, r, 304, "")
		default:
			send(w, r, data, stubTag)
		}
	}
}

// asked returns the requests to a stub, abbreviated.
func asked(s *stub) []string {
	var list []string
	for i, op := range s.requests() {
		h := s.request(i).Header
		for _, c := range [][2]string{{"If-Match", " im "}, {"If-None-Match", " inm "}, {"If-Range", " if-range "}} {
			if v := h.Get(c[0]); v != "" {
				op += c[1] + v
			}
		}
		if h.Get("If-Modified-Since") != "" {
			op += " ims"
		}
		if h.Get("If-Unmodified-Since") != "" {
			op += " ius"
		}
		list = append(list, op)
	}
	return list
}

// Servers differ. Each row is an answer that one of them gives, and the required
// result.
func TestServerDifferences(t *testing.T) {
	const data = "0123456789"
	plain := func(w http.ResponseWriter, r *http.Request, _ int) {
		r.Header.Del("Range")
		send(w, r, data, stubTag)
	}
	bare304 := func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 304, "") }
	empty := func(contentRange string, status int) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Method == http.MethodHead {
				status = 200
			}
			if status == 416 {
				sendError(w, r, 416, "InvalidRange")
				return
			}
			w.Header().Set("ETag", stubTag)
			w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
			w.Header().Set("Content-Length", "0")
			if contentRange != "" && status == 206 {
				w.Header().Set("Content-Range", contentRange)
			}
			w.WriteHeader(status)
		}
	}
	whole := vfs.Span{Length: 10}
	tests := []struct {
		what   string
		script func(w http.ResponseWriter, r *http.Request, i int)
		req    vfs.Request
		err    error
		tag    string // of Info, with err
		span   vfs.Span
		calls  int
	}{
		{"no ETag on a 304: the tag that matched", bare304, vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(thisTag)}}, vfs.ErrNotModified, thisTag.Value, whole, 1},
		{"no ETag on a 304: the weak tag that matched", bare304, vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(weakTag)}}, vfs.ErrNotModified, thisTag.Value, whole, 1},
		{"nothing on a 304 by date", bare304, vfs.Request{Cond: vfs.Cond{IfModifiedSince: modified}}, vfs.ErrNotModified, "", whole, 1},
		{"200 although the date is equal", plain, vfs.Request{Cond: vfs.Cond{IfModifiedSince: modified}}, vfs.ErrNotModified, thisTag.Value, whole, 1},
		{"200 although a tag of a list matches", plain, vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(otherTag, weakTag)}}, vfs.ErrNotModified, thisTag.Value, whole, 1},
		{"200 although If-Match fails", plain, vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag)}}, vfs.ErrPrecondition, thisTag.Value, whole, 1},
		{"304 for another tag", func(w http.ResponseWriter, r *http.Request, i int) {
			if i == 0 {
				w.Header().Set("ETag", stubTag)
				sendError(w, r, 304, "")
				return
			}
			plain(w, r, i)
		}, vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(otherTag)}}, nil, "", whole, 2},
		{"206 whatever If-Range says", func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, data, stubTag) },
			vfs.Request{Cond: vfs.Cond{IfRangeTag: otherTag}, Range: vfs.RangeFrom(4)}, nil, "", whole, 2},
		{"416 without Content-Range", func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, data, stubTag) },
			vfs.Request{Range: vfs.RangeFrom(10)}, vfs.ErrRange, thisTag.Value, whole, 2},
		{"empty, 0-: 416", empty("", 416), vfs.Request{Range: vfs.RangeFrom(0)}, nil, "", vfs.Span{}, 2},
		{"empty, -5: 200", empty("", 200), vfs.Request{Range: vfs.RangeSuffix(5)}, nil, "", vfs.Span{}, 1},
		{"empty, -5: 206 of 0--1/0", empty("bytes 0--1/0", 206), vfs.Request{Range: vfs.RangeSuffix(5)}, nil, "", vfs.Span{}, 1},
		{"the range is ignored", plain, vfs.Request{Range: vfs.RangeBetween(2, 4)}, nil, "", whole, 1},
		{"the range is ignored, and outside", plain, vfs.Request{Range: vfs.RangeFrom(10)}, vfs.ErrRange, thisTag.Value, whole, 1},
		{"another range", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Set("Range", "bytes=3-4")
			send(w, r, data, stubTag)
		}, vfs.Request{Range: vfs.RangeBetween(2, 4)}, vfs.ErrUnavailable, "", whole, 1},
		{"a range that was not requested", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Set("Range", "bytes=0-9")
			send(w, r, data, stubTag)
		}, vfs.Request{}, vfs.ErrUnavailable, "", whole, 1},
		{"a range that does not match its bytes", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Range", "bytes 2-4/10")
			w.Header().Set("Content-Length", "2")
			w.WriteHeader(206)
			fmt.Fprint(w, "23")
		}, vfs.Request{Range: vfs.RangeBetween(2, 4)}, vfs.ErrUnavailable, "", whole, 1},
		{"an unknown size", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Range", "bytes 2-4/*")
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(206)
			fmt.Fprint(w, "234")
		}, vfs.Request{Range: vfs.RangeBetween(2, 4)}, vfs.ErrUnavailable, "", whole, 1},
		{"no length", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.(http.Flusher).Flush()
			fmt.Fprint(w, data)
		}, vfs.Request{}, vfs.ErrUnavailable, "", whole, 1},
		{"unrequested 304", bare304, vfs.Request{}, vfs.ErrUnavailable, "", whole, 1},
		{"unrequested 412", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 412, "PreconditionFailed") },
			vfs.Request{}, vfs.ErrUnavailable, "", whole, 1},
		{"unrequested 416", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 416, "InvalidRange") },
			vfs.Request{}, vfs.ErrUnavailable, "", whole, 1},
		{"416, and the object grew meanwhile: all of it", func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Method == http.MethodHead || r.Header.Get("Range") == "" {
				send(w, r, data, stubTag)
				return
			}
			sendError(w, r, 416, "InvalidRange")
		}, vfs.Request{Range: vfs.RangeFrom(5)}, nil, "", whole, 3},
		{"416 before If-Range is evaluated, date", rangeFirst(data), vfs.Request{
			Range: vfs.RangeFrom(10), Cond: vfs.Cond{IfRangeDate: modified.Add(-time.Hour), Now: modified.Add(time.Hour)},
		}, nil, "", whole, 3},
		{"416 before If-Range is evaluated, tag", rangeFirst(data), vfs.Request{Range: vfs.RangeFrom(10), Cond: vfs.Cond{IfRangeTag: otherTag}}, nil, "", whole, 3},
		{"304 without an ETag, for a list of If-Match", func(w http.ResponseWriter, r *http.Request, i int) {
			if r.Header.Get("If-Modified-Since") != "" {
				bare304(w, r, i)
				return
			}
			send(w, r, data, stubTag)
		}, vfs.Request{Cond: vfs.Cond{IfMatch: tags(otherTag, thisTag), IfModifiedSince: modified}}, vfs.ErrNotModified, thisTag.Value, whole, 1},
		{"404 for a key that may not be listed is 403", func(w http.ResponseWriter, r *http.Request, _ int) { sendError(w, r, 403, "AccessDenied") },
			vfs.Request{}, fs.ErrNotExist, "", whole, 1},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			s := newStub(t, tt.script)
			obj, got, err := fetch(t.Context(), s.backend(s3.Options{}), tt.req)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if n := len(s.requests()); n != tt.calls {
				t.Errorf("requests %q, want %d", s.requests(), tt.calls)
			}
			if tt.err == nil {
				if obj.Span != tt.span || got != data[:tt.span.Length] {
					t.Errorf("Span %+v with %q, want %+v", obj.Span, got, tt.span)
				}
				return
			}
			var e *vfs.Error
			errors.As(err, &e)
			if e.Info == nil && tt.tag != "" || e.Info != nil && e.Info.ETag != tt.tag {
				t.Errorf("Info is %+v, want the ETag %q", e.Info, tt.tag)
			}
		})
	}
}

// rangeFirst refuses a range before it evaluates any condition.
func rangeFirst(data string) func(w http.ResponseWriter, r *http.Request, _ int) {
	return func(w http.ResponseWriter, r *http.Request, i int) {
		if header := r.Header.Get("Range"); header != "" {
			if _, _, ok := cutRange(header, int64(len(data))); !ok {
				sendError(w, r, 416, "InvalidRange")
				return
			}
		}
		answerWell(data)(w, r, i)
	}
}

// Weak and invalid tags are ignored: they could not tell apart the ranges of two
// answers.
func TestOddTags(t *testing.T) {
	for tag, want := range map[string]string{
		`"abc-2"`: "abc-2", `W/"abc"`: "", "abc": "", `"`: "", `""`: "", `"a b"`: "", `"a"b"`: "",
	} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, "x", tag) })
		obj, _, err := fetch(t.Context(), s.backend(s3.Options{}), vfs.Request{})
		if err != nil || obj.Info.ETag != want {
			t.Errorf("%s: %+v, %v, want the ETag %q", tag, obj, err, want)
		}
	}
}

// The bucket, the prefix of keys, and the owner are fixed.
func TestKeys(t *testing.T) {
	f := newFake(map[string]string{"pub/file": "in", "pub-secret/file": "out", "file": "out", "pubfile": "out"})
	for _, prefix := range []string{"pub", "pub/"} {
		b := newBackend(t, f, s3.Options{Prefix: prefix})
		if _, got, err := fetch(t.Context(), b, vfs.Request{}); got != "in" || err != nil {
			t.Errorf("prefix %q: %q, %v", prefix, got, err)
		}
	}
	f.taken()
	b := newBackend(t, f, s3.Options{Prefix: strings.Repeat("p", 200)})
	long := name(strings.Repeat(strings.Repeat("n", 205)+"/", 4) + "n") // 825 bytes
	for _, n := range []vfs.Name{long, vfs.Root, {}} {
		if _, err := b.Open(t.Context(), n, vfs.Request{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", n, err)
		}
		if _, err := b.Stat(t.Context(), n, vfs.Request{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%q): %v", n, err)
		}
	}
	if calls := f.taken(); len(calls) != 0 {
		t.Errorf("there were calls for names without a key: %v", calls)
	}
	if _, err := b.Open(t.Context(), name(long.String()[:823]), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
		t.Errorf("a key of 1024 bytes: %v", err)
	}
	if calls := f.taken(); len(calls) != 1 || len(calls[0].key) != 1024 {
		t.Errorf("a key of 1024 bytes: %v", calls)
	}
}

func TestExpectedOwner(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if got := r.Header.Get("X-Amz-Expected-Bucket-Owner"); got != "123456789012" {
			t.Errorf("%s %s names the owner %q", r.Method, r.URL, got)
		}
		if r.URL.Query().Has("list-type") {
			fmt.Fprint(w, `<ListBucketResult><CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes></ListBucketResult>`)
			return
		}
		if r.Header.Get("Range") == "" {
			w.Header().Set("Connection", "close")
			sendCut(w, numbers(100_000), stubTag, 10)
		}
		send(w, r, numbers(100_000), stubTag)
	})
	b := s.backend(s3.Options{ExpectedBucketOwner: "123456789012"})
	if _, _, err := fetch(t.Context(), b, vfs.Request{}); err != nil {
		t.Error(err)
	}
	b.Stat(t.Context(), name("file"), vfs.Request{})
	for _, err := range b.List(t.Context(), vfs.Root, "") {
		if err != nil {
			t.Error(err)
		}
	}
	b.Check(t.Context())
	if n := len(s.requests()); n < 5 {
		t.Errorf("%d requests", n)
	}
}

func TestNewRefuses(t *testing.T) {
	f := newFake(nil)
	for what, opts := range map[string]s3.Options{
		"no bucket":          {},
		"bucket ..":          {Bucket: ".."},
		"bucket with slash":  {Bucket: "abc/def"},
		"bucket that climbs": {Bucket: "abc..def"},
		"bucket with query":  {Bucket: "abc?x"},
		"prefix ..":          {Bucket: bucket, Prefix: "a/../b"},
		"prefix /":           {Bucket: bucket, Prefix: "/"},
		"prefix // at end":   {Bucket: bucket, Prefix: "a//"},
		"absolute prefix":    {Bucket: bucket, Prefix: "/a"},
		"negative limit":     {Bucket: bucket, MaxInFlight: -1},
		"negative bodies":    {Bucket: bucket, MaxBodies: -1},
		"negative time":      {Bucket: bucket, IdleTimeout: -1},
	} {
		if b, err := s3.New(f, opts); err == nil || b != nil {
			t.Errorf("%s: New returned %v, %v", what, b, err)
		}
	}
	if _, err := s3.New(nil, s3.Options{Bucket: bucket}); err == nil {
		t.Error("no client: no error")
	}
	for _, good := range []string{"abc", "my.bucket-1", "Old_Name", "alias-s3alias"} {
		if _, err := s3.New(f, s3.Options{Bucket: good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

// The permission for reading by version is not required, but used if present.
func TestResumeWithoutVersionRight(t *testing.T) {
	data := numbers(100_000)
	f := newFake(map[string]string{"file": data})
	var versions []string
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		versions = append(versions, aws.ToString(in.VersionId))
		if in.VersionId != nil {
			return nil, apiError(403, "AccessDenied")
		}
		out, err := f.answerGet(ctx, in)
		if err == nil && in.Range == nil {
			out.VersionId = aws.String("v1")
			out.Body = cutBody{out.Body, new(int)}
		}
		return out, err
	}
	if _, got, err := fetch(t.Context(), newBackend(t, f, s3.Options{}), vfs.Request{}); got != data || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if want := []string{"", "v1", ""}; !slices.Equal(versions, want) {
		t.Errorf("asked for the versions %q, want %q", versions, want)
	}
}
