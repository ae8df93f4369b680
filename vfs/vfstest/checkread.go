package vfstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing/iotest"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

const digits = "0123456789"

func readTree(*Options) Tree {
	return Tree{Files: map[string]string{
		"digits.txt":     digits,
		"empty":          "",
		"one":            "1",
		"docs/guide.txt": "a guide",
		"docs/deep/a/b":  "deep",
		"binary.bin":     string(pattern(70_001)),
		"html/page.html": "<!doctype html><p>a page</p>",
	}}
}

// pattern returns n bytes in which any shifted or repeated part is detectable.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(n)*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func name(s string) vfs.Name {
	n, err := vfs.ParseName(s)
	if err != nil {
		panic(fmt.Sprintf("vfstest: %q is not a valid name", s))
	}
	return n
}

// sorted returns the sorted keys of m, so that failures have a fixed order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func checkReading(p *probe) {
	for _, s := range sorted(p.tree.Files) {
		p.holds(name(s), p.tree.Files[s])
		p.holds(name(s), p.tree.Files[s])
	}
}

// checkStat: Stat returns the same Info as Open and ignores the range.
func checkStat(p *probe) {
	for _, s := range sorted(p.tree.Files) {
		n := name(s)
		obj, _, err := p.get(n, vfs.Request{})
		if err != nil {
			p.errorf("Open(%q): %w", n, err)
			continue
		}
		for _, r := range []vfs.Range{{}, vfs.RangeFrom(1 << 40), vfs.RangeBetween(0, 0), vfs.RangeSuffix(0)} {
			info, err := p.b.Stat(p.ctx, n, vfs.Request{Range: r})
			if err != nil {
				p.errorf("Stat(%q, range %+v): %w, want the range ignored", n, r, err)
				continue
			}
			if !sameInfo(info, obj.Info) {
				p.errorf("Stat(%q) is %+v, Open says %+v", n, info, obj.Info)
			}
		}
	}
}

func sameInfo(a, b vfs.Info) bool {
	sameTime := a.ModTime.Equal(b.ModTime)
	a.ModTime, b.ModTime = time.Time{}, time.Time{}
	return sameTime && reflect.DeepEqual(a, b)
}

// checkRanges spells out the expected results instead of calling Range.Resolve.
func checkRanges(p *probe) {
	whole := vfs.Span{Length: 10}
	tests := []struct {
		what  string
		name  string
		r     vfs.Range
		want  vfs.Span
		error error
	}{
		{"whole", "digits.txt", vfs.Range{}, whole, nil},
		{"0-", "digits.txt", vfs.RangeFrom(0), vfs.Span{Length: 10, Partial: true}, nil},
		{"3-", "digits.txt", vfs.RangeFrom(3), vfs.Span{Offset: 3, Length: 7, Partial: true}, nil},
		{"9-", "digits.txt", vfs.RangeFrom(9), vfs.Span{Offset: 9, Length: 1, Partial: true}, nil},
		{"10-", "digits.txt", vfs.RangeFrom(10), vfs.Span{}, vfs.ErrRange},
		{"2^62-", "digits.txt", vfs.RangeFrom(1 << 62), vfs.Span{}, vfs.ErrRange},
		{"0-0", "digits.txt", vfs.RangeBetween(0, 0), vfs.Span{Length: 1, Partial: true}, nil},
		{"2-5", "digits.txt", vfs.RangeBetween(2, 5), vfs.Span{Offset: 2, Length: 4, Partial: true}, nil},
		{"0-9", "digits.txt", vfs.RangeBetween(0, 9), vfs.Span{Length: 10, Partial: true}, nil},
		{"8-100, clamped", "digits.txt", vfs.RangeBetween(8, 100), vfs.Span{Offset: 8, Length: 2, Partial: true}, nil},
		{"0-2^63, clamped", "digits.txt", vfs.RangeBetween(0, 1<<63-1), vfs.Span{Length: 10, Partial: true}, nil},
		{"10-20", "digits.txt", vfs.RangeBetween(10, 20), vfs.Span{}, vfs.ErrRange},
		{"5-2, no range", "digits.txt", vfs.RangeBetween(5, 2), whole, nil},
		{"-3", "digits.txt", vfs.RangeSuffix(3), vfs.Span{Offset: 7, Length: 3, Partial: true}, nil},
		{"-10", "digits.txt", vfs.RangeSuffix(10), vfs.Span{Length: 10, Partial: true}, nil},
		{"-100, clamped", "digits.txt", vfs.RangeSuffix(100), vfs.Span{Length: 10, Partial: true}, nil},
		{"-2^63, clamped", "digits.txt", vfs.RangeSuffix(1<<63 - 1), vfs.Span{Length: 10, Partial: true}, nil},
		{"-0", "digits.txt", vfs.RangeSuffix(0), vfs.Span{}, vfs.ErrRange},
		{"0- of nothing", "empty", vfs.RangeFrom(0), vfs.Span{}, nil},
		{"5-6 of nothing", "empty", vfs.RangeBetween(5, 6), vfs.Span{}, nil},
		{"-5 of nothing", "empty", vfs.RangeSuffix(5), vfs.Span{}, nil},
		{"65000-70000 of 70001", "binary.bin", vfs.RangeBetween(65_000, 70_000), vfs.Span{Offset: 65_000, Length: 5001, Partial: true}, nil},
		{"-1 of 70001", "binary.bin", vfs.RangeSuffix(1), vfs.Span{Offset: 70_000, Length: 1, Partial: true}, nil},
	}
	for _, tt := range tests {
		n, content := name(tt.name), p.tree.Files[tt.name]
		obj, data, err := p.get(n, vfs.Request{Range: tt.r})
		if tt.error != nil {
			p.failsWithInfo("range "+tt.what+": Open", n, err, tt.error, int64(len(content)))
			continue
		}
		if err != nil {
			p.errorf("range %s of %q: %w", tt.what, n, err)
			continue
		}
		if obj.Span != tt.want {
			p.errorf("range %s of %q: Span is %+v, want %+v", tt.what, n, obj.Span, tt.want)
		}
		want := content[tt.want.Offset:][:tt.want.Length]
		if string(data) != want {
			p.errorf("range %s of %q yielded %s, want %s", tt.what, n, excerpt(data), excerpt([]byte(want)))
		}
		if obj.Info.Size != int64(len(content)) {
			p.errorf("range %s of %q: Info.Size is %d, want the size of the whole object, %d", tt.what, n, obj.Info.Size, len(content))
		}
	}
}

// failsWithInfo: a 304 needs the object's ETag, a 416 its size. Only with a 304 may the
// size be unknown.
func (p *probe) failsWithInfo(call string, n vfs.Name, err, target error, size int64) {
	e := p.fails(call, n, err, target)
	if e == nil {
		return
	}
	if e.Reason != "" || errors.Is(err, fs.ErrNotExist) {
		p.errorf("%s(%q) failed like a missing name (reason %q), want %v", call, n, e.Reason, target)
	}
	if e.Info == nil {
		p.errorf("%s(%q) failed with an Error without Info", call, n)
		return
	}
	p.checkInfo(n, e.Info)
	if e.Info.Size != size && (e.Info.Size != -1 || target != vfs.ErrNotModified) {
		p.errorf("%s(%q) failed with Info.Size %d, want %d", call, n, e.Info.Size, size)
	}
}

// checkBody: a body yields exactly Span.Length bytes, also in small reads. Offsets of
// its other methods are relative to the span.
func checkBody(p *probe) {
	n := name("digits.txt")
	req := vfs.Request{Range: vfs.RangeBetween(2, 5)}
	const want = "2345"
	open := func() *vfs.Object {
		obj, err := p.b.Open(p.ctx, n, req)
		if err != nil {
			p.errorf("Open(%q): %w", n, err)
			return nil
		}
		return obj
	}
	if obj := open(); obj != nil {
		data, err := io.ReadAll(iotest.OneByteReader(obj.Body))
		if err != nil || string(data) != want {
			p.errorf("reading byte by byte gave %q, %v, want %q", data, err, want)
		}
		if k, err := obj.Body.Read(make([]byte, 8)); k != 0 || err != io.EOF {
			p.errorf("reading after the end gave %d bytes, %v, want io.EOF", k, err)
		}
		if err := obj.Body.Close(); err != nil {
			p.errorf("Close: %w", err)
		}
	}
	if obj := open(); obj != nil {
		if err := obj.Body.Close(); err != nil {
			p.errorf("Close of an unread body: %w", err)
		}
	}
	if obj := open(); obj != nil {
		if s, ok := obj.Body.(io.Seeker); ok {
			p.checkSeeker(s, obj.Body, want)
		}
		obj.Body.Close()
	}
	if obj := open(); obj != nil {
		if r, ok := obj.Body.(io.ReaderAt); ok {
			p.checkReaderAt(r, want)
		}
		obj.Body.Close()
	}
	if obj := open(); obj != nil {
		if r, ok := obj.Body.(io.ReaderAt); ok {
			p.checkConcurrentReaderAt(r, want)
		}
		obj.Body.Close()
	}
}

func (p *probe) checkSeeker(s io.Seeker, r io.Reader, want string) {
	if end, err := s.Seek(0, io.SeekEnd); err != nil || end != int64(len(want)) {
		p.errorf("Body.Seek to the end of a span of %d bytes gave %d, %v", len(want), end, err)
	}
	if at, err := s.Seek(1, io.SeekStart); err != nil || at != 1 {
		p.errorf("Body.Seek(1) gave %d, %v", at, err)
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != want[1:] {
		p.errorf("reading after Body.Seek(1) gave %q, %v, want %q", data, err, want[1:])
	}
}

func (p *probe) checkReaderAt(r io.ReaderAt, want string) {
	buf := make([]byte, len(want)+8)
	if k, err := r.ReadAt(buf, 0); string(buf[:k]) != want || err != io.EOF {
		p.errorf("Body.ReadAt(0) with a larger buffer gave %q, %v, want %q and io.EOF", buf[:k], err, want)
	}
	if k, err := r.ReadAt(buf[:2], 1); string(buf[:k]) != want[1:3] || err != nil {
		p.errorf("Body.ReadAt(1) gave %q, %v, want %q", buf[:k], err, want[1:3])
	}
}

// checkConcurrentReaderAt reads each byte of an unread body, all at once, as io.ReaderAt
// allows. It is most useful under the race detector.
func (p *probe) checkConcurrentReaderAt(r io.ReaderAt, want string) {
	var ready, wg sync.WaitGroup
	ready.Add(len(want))
	for i := range want {
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			buf := make([]byte, 1)
			if k, err := r.ReadAt(buf, int64(i)); string(buf[:k]) != want[i:i+1] || err != nil && err != io.EOF {
				p.errorf("Body.ReadAt(%d) among others gave %q, %v, want %q", i, buf[:k], err, want[i:i+1])
			}
		})
	}
	wg.Wait()
}

// checkFile: a server passes File to sendfile, so it must be positioned at the span.
func checkFile(p *probe) {
	for _, s := range []string{"digits.txt", "binary.bin", "empty"} {
		n, content := name(s), []byte(p.tree.Files[s])
		for _, r := range []vfs.Range{{}, vfs.RangeFrom(4), vfs.RangeBetween(1, 3), vfs.RangeSuffix(2)} {
			obj, err := p.b.Open(p.ctx, n, vfs.Request{Range: r})
			if err != nil {
				p.errorf("Open(%q): %w", n, err)
				continue
			}
			if obj.File == nil {
				obj.Body.Close()
				continue
			}
			at, err := obj.File.Seek(0, io.SeekCurrent)
			if err != nil || at != obj.Span.Offset {
				p.errorf("Object.File of %q stands at %d, %v, want Span.Offset %d", n, at, err, obj.Span.Offset)
			}
			data, err := io.ReadAll(io.LimitReader(obj.File, obj.Span.Length))
			if err != nil || !bytes.Equal(data, content[obj.Span.Offset:][:obj.Span.Length]) {
				p.errorf("Object.File of %q yielded %s, %v", n, excerpt(data), err)
			}
			obj.Body.Close()
			if _, err := obj.File.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
				p.errorf("closing the Body of %q left its File open: reading it gives %v", n, err)
			}
		}
	}
}
