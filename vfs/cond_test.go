package vfs_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

var modified = time.Date(2026, 11, 21, 10, 0, 0, 500e6, time.UTC)

func tags(list ...vfs.Tag) vfs.Tags { return vfs.Tags{List: list} }

// TestConditions checks the order and the comparisons of RFC 9110 section 13, on a
// version with the strong tag "v1" that was modified half a second after ten.
func TestConditions(t *testing.T) {
	strong, weak, other := vfs.Tag{Value: "v1", Set: true}, vfs.Tag{Value: "v1", Weak: true, Set: true}, vfs.Tag{Value: "v2", Set: true}
	empty := vfs.Tag{Set: true}
	ten := modified.Truncate(time.Second)
	earlier, later := ten.Add(-time.Second), ten.Add(time.Second)
	full := vfs.Info{Size: 10, ETag: "v1", ModTime: modified}
	bare := vfs.Info{Size: 10}
	for _, c := range []struct {
		name string
		info vfs.Info
		cond vfs.Cond
		want error
	}{
		{"nothing", full, vfs.Cond{}, nil},

		{"If-Match: strong", full, vfs.Cond{IfMatch: tags(strong)}, nil},
		{"If-Match: one of two", full, vfs.Cond{IfMatch: tags(other, strong)}, nil},
		{"If-Match: weak never matches", full, vfs.Cond{IfMatch: tags(weak)}, vfs.ErrPrecondition},
		{"If-Match: other", full, vfs.Cond{IfMatch: tags(other)}, vfs.ErrPrecondition},
		{"If-Match: *", full, vfs.Cond{IfMatch: vfs.Tags{Any: true}}, nil},
		{"If-Match: * without a tag", bare, vfs.Cond{IfMatch: vfs.Tags{Any: true}}, nil},
		{"If-Match: empty list", full, vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{}}}, vfs.ErrPrecondition},
		{"If-Match: empty tag, object without", bare, vfs.Cond{IfMatch: tags(empty)}, vfs.ErrPrecondition},
		{"If-Match beats a date that fails", full, vfs.Cond{IfMatch: tags(strong), IfUnmodifiedSince: earlier}, nil},

		{"If-Unmodified-Since: same second", full, vfs.Cond{IfUnmodifiedSince: ten}, nil},
		{"If-Unmodified-Since: later", full, vfs.Cond{IfUnmodifiedSince: later}, nil},
		{"If-Unmodified-Since: earlier", full, vfs.Cond{IfUnmodifiedSince: earlier}, vfs.ErrPrecondition},
		{"If-Unmodified-Since: no date known", bare, vfs.Cond{IfUnmodifiedSince: earlier}, nil},
		{"If-Unmodified-Since: no date known, on a change", bare, vfs.Cond{IfUnmodifiedSince: later, Unsafe: true}, vfs.ErrPrecondition},
		{"If-Unmodified-Since: 1970, on a change", vfs.Info{Size: 10, ModTime: time.Unix(1, 0)}, vfs.Cond{IfUnmodifiedSince: later, Unsafe: true}, vfs.ErrPrecondition},

		{"If-None-Match: strong", full, vfs.Cond{IfNoneMatch: tags(strong)}, vfs.ErrNotModified},
		{"If-None-Match: weak matches", full, vfs.Cond{IfNoneMatch: tags(weak)}, vfs.ErrNotModified},
		{"If-None-Match: one of two", full, vfs.Cond{IfNoneMatch: tags(other, weak)}, vfs.ErrNotModified},
		{"If-None-Match: other", full, vfs.Cond{IfNoneMatch: tags(other)}, nil},
		{"If-None-Match: *", full, vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}, vfs.ErrNotModified},
		{"If-None-Match: * without a tag", bare, vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}, vfs.ErrNotModified},
		{"If-None-Match: empty tag, object without", bare, vfs.Cond{IfNoneMatch: tags(empty)}, nil},
		{"If-None-Match: on a change", full, vfs.Cond{IfNoneMatch: tags(strong), Unsafe: true}, vfs.ErrPrecondition},
		{"If-None-Match: * on a change", full, vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}, vfs.ErrPrecondition},
		{"If-None-Match hides a date that would match", full, vfs.Cond{IfNoneMatch: tags(other), IfModifiedSince: later}, nil},

		{"If-Modified-Since: same second", full, vfs.Cond{IfModifiedSince: ten}, vfs.ErrNotModified},
		{"If-Modified-Since: later", full, vfs.Cond{IfModifiedSince: later}, vfs.ErrNotModified},
		{"If-Modified-Since: earlier", full, vfs.Cond{IfModifiedSince: earlier}, nil},
		{"If-Modified-Since: another zone", full, vfs.Cond{IfModifiedSince: ten.In(time.FixedZone("", 3600))}, vfs.ErrNotModified},
		{"If-Modified-Since: 1970", vfs.Info{Size: 10, ModTime: time.Unix(1, 0)}, vfs.Cond{IfModifiedSince: later}, nil},
		{"If-Modified-Since: no date known", bare, vfs.Cond{IfModifiedSince: later}, nil},
		{"If-Modified-Since: on a change", full, vfs.Cond{IfModifiedSince: later, Unsafe: true}, nil},

		{"If-Match fails before If-None-Match", full, vfs.Cond{IfMatch: tags(other), IfNoneMatch: tags(strong)}, vfs.ErrPrecondition},
		{"If-Match holds, If-None-Match matches", full, vfs.Cond{IfMatch: tags(strong), IfNoneMatch: tags(strong)}, vfs.ErrNotModified},
		{"If-Unmodified-Since fails first", full, vfs.Cond{IfUnmodifiedSince: earlier, IfNoneMatch: tags(strong)}, vfs.ErrPrecondition},
	} {
		req := vfs.Request{Cond: c.cond}
		span, err := req.Resolve("get", c.info)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || span != vfs.Span{Length: 10}) {
			t.Errorf("%s: %+v, %v, want %v", c.name, span, err, c.want)
		}
		var e *vfs.Error
		if c.want != nil && (!errors.As(err, &e) || e.Info == nil || e.Info.ETag != c.info.ETag || e.Reason != "") {
			t.Errorf("%s: the error lacks the version: %+v", c.name, e)
		}
		// A failed condition is reported before an unsatisfiable range.
		req.Range = vfs.RangeFrom(100)
		if c.want == nil {
			c.want = vfs.ErrRange
		}
		if _, err := req.Resolve("get", c.info); !errors.Is(err, c.want) {
			t.Errorf("%s, with a bad range: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestIfRange(t *testing.T) {
	ten := modified.Truncate(time.Second)
	full := vfs.Info{Size: 10, ETag: "v1", ModTime: modified}
	for _, c := range []struct {
		name string
		info vfs.Info
		cond vfs.Cond
		part bool
	}{
		{"strong tag", full, vfs.Cond{IfRangeTag: vfs.Tag{Value: "v1", Set: true}}, true},
		{"weak tag", full, vfs.Cond{IfRangeTag: vfs.Tag{Value: "v1", Weak: true, Set: true}}, false},
		{"other tag", full, vfs.Cond{IfRangeTag: vfs.Tag{Value: "v2", Set: true}}, false},
		{"empty tag, object without", vfs.Info{Size: 10}, vfs.Cond{IfRangeTag: vfs.Tag{Set: true}}, false},
		{"date", full, vfs.Cond{IfRangeDate: ten, Now: ten.Add(time.Hour)}, true},
		{"date, the call's own time", full, vfs.Cond{IfRangeDate: ten}, time.Since(ten) >= time.Second},
		{"date of an old object, the call's own time", vfs.Info{Size: 10, ModTime: time.Unix(1e9, 0)}, vfs.Cond{IfRangeDate: time.Unix(1e9, 0)}, true},
		{"date a second old", full, vfs.Cond{IfRangeDate: ten, Now: ten.Add(time.Second)}, true},
		{"date not a second old", full, vfs.Cond{IfRangeDate: ten, Now: ten.Add(999 * time.Millisecond)}, false},
		{"later date is no match", full, vfs.Cond{IfRangeDate: ten.Add(time.Second), Now: ten.Add(time.Hour)}, false},
		{"earlier date", full, vfs.Cond{IfRangeDate: ten.Add(-time.Second), Now: ten.Add(time.Hour)}, false},
		{"no date known", vfs.Info{Size: 10, ETag: "v1"}, vfs.Cond{IfRangeDate: ten, Now: ten.Add(time.Hour)}, false},
	} {
		want := vfs.Span{Length: 10}
		if c.part {
			want = vfs.Span{Offset: 2, Length: 3, Partial: true}
		}
		req := vfs.Request{Range: vfs.RangeBetween(2, 4), Cond: c.cond}
		if span, err := req.Resolve("get", c.info); err != nil || span != want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, span, err, want)
		}
		// A range that the version does not have is not an error if it is not used.
		req.Range = vfs.RangeFrom(100)
		if _, err := req.Resolve("get", c.info); errors.Is(err, vfs.ErrRange) != c.part {
			t.Errorf("%s, bad range: %v", c.name, err)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		name        string
		rng         vfs.Range
		size        int64
		want        vfs.Span
		ok          bool
		first, last int64
	}{
		{"whole", vfs.Range{}, 10, vfs.Span{Length: 10}, true, 0, -1},
		{"0-", vfs.RangeFrom(0), 10, vfs.Span{Length: 10, Partial: true}, true, 0, -1},
		{"9-", vfs.RangeFrom(9), 10, vfs.Span{Offset: 9, Length: 1, Partial: true}, true, 9, -1},
		{"10-", vfs.RangeFrom(10), 10, vfs.Span{}, false, 10, -1},
		{"max-", vfs.RangeFrom(math.MaxInt64), 10, vfs.Span{}, false, math.MaxInt64, -1},
		{"negative-", vfs.RangeFrom(-5), 10, vfs.Span{Length: 10, Partial: true}, true, 0, -1},
		{"2-4", vfs.RangeBetween(2, 4), 10, vfs.Span{Offset: 2, Length: 3, Partial: true}, true, 2, 4},
		{"0-0", vfs.RangeBetween(0, 0), 10, vfs.Span{Length: 1, Partial: true}, true, 0, 0},
		{"2-max", vfs.RangeBetween(2, math.MaxInt64), 10, vfs.Span{Offset: 2, Length: 8, Partial: true}, true, 2, math.MaxInt64},
		{"10-12", vfs.RangeBetween(10, 12), 10, vfs.Span{}, false, 10, 12},
		{"5-2 is none", vfs.RangeBetween(5, 2), 10, vfs.Span{Length: 10}, true, 0, -1},
		{"-1-2 is none", vfs.RangeBetween(-1, 2), 10, vfs.Span{Length: 10}, true, 0, -1},
		{"-3", vfs.RangeSuffix(3), 10, vfs.Span{Offset: 7, Length: 3, Partial: true}, true, -1, 3},
		{"-10", vfs.RangeSuffix(10), 10, vfs.Span{Length: 10, Partial: true}, true, -1, 10},
		{"-max", vfs.RangeSuffix(math.MaxInt64), 10, vfs.Span{Length: 10, Partial: true}, true, -1, math.MaxInt64},
		{"-0", vfs.RangeSuffix(0), 10, vfs.Span{}, false, -1, 0},
		{"0- of nothing", vfs.RangeFrom(0), 0, vfs.Span{}, true, 0, -1},
		{"5-9 of nothing", vfs.RangeBetween(5, 9), 0, vfs.Span{}, true, 5, 9},
		{"-5 of nothing", vfs.RangeSuffix(5), 0, vfs.Span{}, true, -1, 5},
		{"0- of a huge object", vfs.RangeFrom(1), math.MaxInt64, vfs.Span{Offset: 1, Length: math.MaxInt64 - 1, Partial: true}, true, 1, -1},
	} {
		span, ok := c.rng.Resolve(c.size)
		if ok != c.ok || ok && span != c.want {
			t.Errorf("%s: %+v, %t, want %+v, %t", c.name, span, ok, c.want, c.ok)
		}
		if first, last := c.rng.Bounds(); first != c.first || last != c.last {
			t.Errorf("%s: bounds %d, %d", c.name, first, last)
		}
		if c.rng.IsZero() != (c.rng == vfs.Range{}) {
			t.Errorf("%s: IsZero is %t", c.name, c.rng.IsZero())
		}
	}
}
