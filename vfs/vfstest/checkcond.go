package vfstest

import (
	"errors"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// checkConditions calls Open and Stat with each row of conditions.
func checkConditions(p *probe) {
	n := name("digits.txt")
	info, err := p.b.Stat(p.ctx, n, vfs.Request{})
	if err != nil {
		p.errorf("Stat(%q): %w", n, err)
		return
	}
	for _, tt := range conditions(info) {
		want, partial := tt.want, tt.partial
		obj, data, err := p.get(n, tt.req)
		switch {
		case want != nil:
			p.failsWithInfo(tt.what+": Open", n, err, want, int64(len(digits)))
		case err != nil:
			p.errorf("%s: Open(%q): %w", tt.what, n, err)
		case obj.Span.Partial != partial:
			p.errorf("%s: Open(%q): Span is %+v, want Partial %t", tt.what, n, obj.Span, partial)
		case !partial && string(data) != digits:
			p.errorf("%s: Open(%q) yielded %s", tt.what, n, excerpt(data))
		}
		if errors.Is(want, vfs.ErrRange) {
			want = nil
		}
		_, err = p.b.Stat(p.ctx, n, tt.req)
		if want != nil {
			p.failsWithInfo(tt.what+": Stat", n, err, want, int64(len(digits)))
		} else if err != nil {
			p.errorf("%s: Stat(%q): %w", tt.what, n, err)
		}
	}
	missing := name("no such file")
	_, _, err = p.get(missing, vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
	p.refuses("If-None-Match of a missing object: Open", missing, err, reason.Missing)
}

type condition struct {
	what    string
	req     vfs.Request
	want    error
	partial bool
}

// conditions returns the table for an object like info, in the order of RFC 9110
// section 13.2.2. It leaves out rows that need an ETag or a time if the backend has
// none.
func conditions(info vfs.Info) []condition {
	other := vfs.Tag{Value: "not-this-one", Set: true}
	tags := func(list ...vfs.Tag) vfs.Tags { return vfs.Tags{List: list} }
	anyTag := vfs.Tags{Any: true}
	part := vfs.RangeBetween(2, 4)
	outside := vfs.RangeFrom(100)
	list := []condition{
		{"If-Match of another tag", vfs.Request{Cond: vfs.Cond{IfMatch: tags(other)}}, vfs.ErrPrecondition, false},
		{"If-Match *", vfs.Request{Cond: vfs.Cond{IfMatch: anyTag}}, nil, false},
		{"If-None-Match *", vfs.Request{Cond: vfs.Cond{IfNoneMatch: anyTag}}, vfs.ErrNotModified, false},
		{"If-None-Match * of a change", vfs.Request{Cond: vfs.Cond{IfNoneMatch: anyTag, Unsafe: true}}, vfs.ErrExist, false},
		{"If-None-Match of another tag", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(other)}}, nil, false},
		{"If-None-Match * before range", vfs.Request{Cond: vfs.Cond{IfNoneMatch: anyTag}, Range: outside}, vfs.ErrNotModified, false},
		{"If-Match before range", vfs.Request{Cond: vfs.Cond{IfMatch: tags(other)}, Range: outside}, vfs.ErrPrecondition, false},
		{"If-Match before If-None-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(other), IfNoneMatch: anyTag}}, vfs.ErrPrecondition, false},
		{"If-Range of another tag", vfs.Request{Cond: vfs.Cond{IfRangeTag: other}, Range: part}, nil, false},
		{"If-Range of another tag, not marked as set", vfs.Request{Cond: vfs.Cond{IfRangeTag: vfs.Tag{Value: other.Value}}, Range: part}, nil, false},
		{"If-Range of another tag, range outside", vfs.Request{Cond: vfs.Cond{IfRangeTag: other}, Range: outside}, nil, false},
	}
	if info.ETag != "" {
		this := vfs.Tag{Value: info.ETag, Set: true}
		weak := vfs.Tag{Value: info.ETag, Set: true, Weak: true}
		list = append(list, []condition{
			{"If-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(other, this)}}, nil, false},
			{"If-Match, weak", vfs.Request{Cond: vfs.Cond{IfMatch: tags(weak)}}, vfs.ErrPrecondition, false},
			{"If-Match and range", vfs.Request{Cond: vfs.Cond{IfMatch: tags(this)}, Range: part}, nil, true},
			{"If-Match and range outside", vfs.Request{Cond: vfs.Cond{IfMatch: tags(this)}, Range: outside}, vfs.ErrRange, false},
			{"If-None-Match", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(other, this)}}, vfs.ErrNotModified, false},
			{"If-None-Match, weak", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(weak)}}, vfs.ErrNotModified, false},
			{"If-Match, then If-None-Match", vfs.Request{Cond: vfs.Cond{IfMatch: tags(this), IfNoneMatch: tags(this)}}, vfs.ErrNotModified, false},
			{"If-Range", vfs.Request{Cond: vfs.Cond{IfRangeTag: this}, Range: part}, nil, true},
			{"If-Range, weak", vfs.Request{Cond: vfs.Cond{IfRangeTag: weak}, Range: part}, nil, false},
		}...)
		if _, ok := info.LastModified(); ok {
			before := info.ModTime.Add(-time.Hour)
			list = append(list, []condition{
				{"If-Match overrides If-Unmodified-Since", vfs.Request{Cond: vfs.Cond{IfMatch: tags(this), IfUnmodifiedSince: before}}, nil, false},
				{"If-None-Match overrides If-Modified-Since", vfs.Request{Cond: vfs.Cond{IfNoneMatch: tags(other), IfModifiedSince: info.ModTime}}, nil, false},
			}...)
		}
	}
	if second, ok := info.LastModified(); ok {
		before, later := second.Add(-time.Hour), second.Add(time.Hour)
		list = append(list, []condition{
			{"If-Modified-Since, same second", vfs.Request{Cond: vfs.Cond{IfModifiedSince: second}}, vfs.ErrNotModified, false},
			{"If-Modified-Since, before", vfs.Request{Cond: vfs.Cond{IfModifiedSince: before}}, nil, false},
			{"If-Unmodified-Since, same second", vfs.Request{Cond: vfs.Cond{IfUnmodifiedSince: second}}, nil, false},
			{"If-Unmodified-Since, before", vfs.Request{Cond: vfs.Cond{IfUnmodifiedSince: before}}, vfs.ErrPrecondition, false},
			{"If-Range, date", vfs.Request{Cond: vfs.Cond{IfRangeDate: second, Now: later}, Range: part}, nil, true},
			{"If-Range, date within its second", vfs.Request{Cond: vfs.Cond{IfRangeDate: second, Now: second}, Range: part}, nil, false},
			{"If-Range, another date", vfs.Request{Cond: vfs.Cond{IfRangeDate: before, Now: later}, Range: part}, nil, false},
		}...)
	}
	return list
}
