package vfstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/iotest"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// checkReadOnly: a read-only backend refuses writes with ErrUnsupported.
func checkReadOnly(p *probe) {
	if p.caps.Writable {
		return
	}
	n := name("digits.txt")
	_, err := p.b.Put(p.ctx, n, strings.NewReader("changed"), vfs.PutOptions{})
	p.fails("Put", n, err, vfs.ErrUnsupported)
	err = p.b.Remove(p.ctx, n, vfs.Cond{})
	p.fails("Remove", n, err, vfs.ErrUnsupported)
	p.holds(n, digits)
}

// put stores data under n and checks the stored object.
func (p *probe) put(n vfs.Name, data string, opts vfs.PutOptions) vfs.Info {
	info, err := p.b.Put(p.ctx, n, strings.NewReader(data), opts)
	if err != nil {
		p.errorf("Put(%q): %w", n, err)
		return info
	}
	p.checkInfo(n, &info)
	if info.Size != int64(len(data)) {
		p.errorf("Put(%q) returned Info.Size %d, want %d", n, info.Size, len(data))
	}
	p.holds(n, data)
	if info.Encoding != "" && info.Encoding != opts.Encoding {
		p.errorf("Put(%q) returned Info.Encoding %q, want %q, or none", n, info.Encoding, opts.Encoding)
	}
	// Copy relies on Put to report whether the coding was stored.
	if stat, err := p.b.Stat(p.ctx, n, vfs.Request{}); err != nil || stat.ETag != info.ETag || stat.Encoding != info.Encoding {
		p.errorf("Stat(%q) after Put: ETag %q, coding %q, %v, want those of Put, %q and %q", n, stat.ETag, stat.Encoding, err, info.ETag, info.Encoding)
	}
	return info
}

// keepsEncoding checks that a Put with KeepEncoding stores the coding or fails unread.
func (p *probe) keepsEncoding(n vfs.Name) {
	opts := vfs.PutOptions{Encoding: "gzip", KeepEncoding: true}
	body := strings.NewReader("not gzip either")
	w, err := p.jail().Put(p.ctx, n, body, opts)
	switch {
	case errors.Is(err, vfs.ErrUnsupported) && body.Len() == int(body.Size()):
		p.holds(n, "not really gzip")
	case err != nil:
		p.errorf("Put(%q) of coded bytes: %v, and %d bytes were read; want success, or ErrUnsupported and nothing read", n, err, int(body.Size())-body.Len())
	case w.Info.Encoding != opts.Encoding:
		p.errorf("Put(%q) stored the coding %q, want %q: Caps.Encodings is set", n, w.Info.Encoding, opts.Encoding)
	}
}

func checkPut(p *probe) {
	if !p.caps.Writable {
		return
	}
	n := name("new/directory/object.bin")
	first := p.put(n, "first", vfs.PutOptions{})
	second := p.put(n, "other", vfs.PutOptions{SizeKnown: true, Size: 5})
	if first.ETag != "" && first.ETag == second.ETag {
		p.errorf("two versions of %q of equal size have the same ETag, %q", n, first.ETag)
	}
	p.put(n, "", vfs.PutOptions{SizeKnown: true})
	p.put(n, string(pattern(1<<20+1)), vfs.PutOptions{ContentType: "application/octet-stream"})
	p.put(n, "not really gzip", vfs.PutOptions{Encoding: "gzip"})
	p.keepsEncoding(n)
	p.put(name("digits.txt"), "replaced", vfs.PutOptions{})
	want := append(sorted(p.tree.Files), n.String())
	slices.Sort(want)
	if got := p.walk(vfs.Root); !slices.Equal(got, want) {
		p.errorf("after Put, the backend holds %+q,\nwant %+q", got, want)
	}
}

// checkPutTime: a backend that stores a ContentTime stores the one given for each
// version. Two versions still have different ETags.
func checkPutTime(p *probe) {
	if !p.caps.Writable {
		return
	}
	n, at := name("copied/file"), time.Date(2001, 2, 3, 4, 5, 6, 123456789, time.UTC)
	first := p.put(n, "first", vfs.PutOptions{ContentTime: at})
	if first.ContentTime.IsZero() {
		p.notef("the backend does not store ContentTime")
	}
	p.hasTime(n, first.ContentTime)
	second := p.put(n, "other", vfs.PutOptions{ContentTime: at})
	p.hasTime(n, second.ContentTime)
	if first.ETag != "" && first.ETag == second.ETag {
		p.errorf("two versions of %q of equal size and ContentTime have the same ETag, %q", n, first.ETag)
	}
	for _, info := range []vfs.Info{first, second} {
		// File systems have resolutions of up to 2 seconds.
		if d := at.Sub(info.ContentTime); !info.ContentTime.IsZero() && (d < 0 || d >= 2*time.Second) {
			p.errorf("Put(%q) with ContentTime %v returned %v", n, at, info.ContentTime)
		}
	}
	now := p.put(n, "third", vfs.PutOptions{})
	p.hasTime(n, now.ContentTime)
	if !now.ContentTime.IsZero() && time.Since(now.ContentTime) > 24*time.Hour {
		p.errorf("Put(%q) without a ContentTime kept %v from the previous version", n, now.ContentTime)
	}
}

// hasTime checks the ContentTime of the object n.
func (p *probe) hasTime(n vfs.Name, want time.Time) {
	stat, err := p.b.Stat(p.ctx, n, vfs.Request{})
	if err != nil || !stat.ContentTime.Equal(want) {
		p.errorf("Stat(%q) returned ContentTime %v, %v, want that of Put, %v", n, stat.ContentTime, err, want)
	}
	if obj, _, err := p.get(n, vfs.Request{}); err != nil {
		p.errorf("Open(%q): %w", n, err)
	} else if !obj.Info.ContentTime.Equal(want) {
		p.errorf("Open(%q) returned ContentTime %v, want that of Put, %v", n, obj.Info.ContentTime, want)
	}
}

func checkPutConditions(p *probe) {
	if !p.caps.Writable {
		return
	}
	fresh, old := name("fresh/file"), name("digits.txt")
	create := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}
	replace := vfs.Cond{IfMatch: vfs.Tags{Any: true}, Unsafe: true}
	tag := func(s string) vfs.Cond {
		return vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: s, Set: true}}}, Unsafe: true}
	}
	mustFail := func(what string, n vfs.Name, cond vfs.Cond) {
		_, err := p.b.Put(p.ctx, n, strings.NewReader("must not be stored"), vfs.PutOptions{Cond: cond})
		if cond.IfNoneMatch.Any {
			p.failsToCreate("Put with "+what, n, err)
			return
		}
		p.fails("Put with "+what, n, err, vfs.ErrPrecondition)
	}
	mustFail("If-Match * of a missing object", fresh, replace)
	mustFail("If-Match of a missing object", fresh, tag("x"))
	mustFail("If-Unmodified-Since of a missing object", fresh, vfs.Cond{IfUnmodifiedSince: time.Now().Add(time.Hour), Unsafe: true})
	p.unchanged("after Put with a failed condition")
	p.put(fresh, "created", vfs.PutOptions{Cond: create})
	mustFail("If-None-Match * of an existing object", fresh, create)
	p.holds(fresh, "created")
	mustFail("If-Match of another version", old, tag("not-this-one"))
	p.holds(old, digits)
	info := p.put(old, "by *", vfs.PutOptions{Cond: replace})
	if info.ETag != "" {
		p.put(old, "by tag", vfs.PutOptions{Cond: tag(info.ETag)})
		mustFail("If-Match of the previous version", old, tag(info.ETag))
		p.holds(old, "by tag")
	}
}

// failsToCreate checks the error of a call that only creates, for an existing object.
func (p *probe) failsToCreate(call string, n vfs.Name, err error) {
	p.fails(call, n, err, vfs.ErrPrecondition)
	p.fails(call, n, err, fs.ErrExist)
}

// unchanged checks that the backend contains its tree and nothing else: no temporary
// file, no useless directory.
func (p *probe) unchanged(when string) {
	for _, dir := range p.tree.dirs() {
		entries, err := p.list(dir, "")
		if got, want := keysOf(entries), p.tree.expected(dir); err != nil || !slices.Equal(got, want) {
			p.errorf("%s, List(%q) yields %+q, %v,\nwant %+q", when, dir, got, err, want)
		}
	}
	for _, s := range sorted(p.tree.Files) {
		p.holds(name(s), p.tree.Files[s])
	}
}

// checkPutFailures: a body that fails, ends early or is too long changes nothing and
// leaves nothing behind, whether the name existed or not.
func checkPutFailures(p *probe) {
	if !p.caps.Writable {
		return
	}
	broken := errors.New("the client disconnected")
	size := func(n int64) vfs.PutOptions { return vfs.PutOptions{Size: n, SizeKnown: true} }
	for _, s := range []string{"digits.txt", "new.txt", "new/directory/new.txt", "docs/new.txt"} {
		n := name(s)
		put := func(what string, body io.Reader, opts vfs.PutOptions) {
			_, err := p.b.Put(p.ctx, n, body, opts)
			if err == nil {
				p.errorf("Put(%q) of %s succeeded", n, what)
			} else if _, ok := err.(*vfs.Error); !ok {
				p.errorf("Put(%q) of %s failed with a %T, want an *vfs.Error", n, what, err)
			}
			p.unchanged("after Put of " + what)
		}
		for _, sent := range []int{0, 1, 100_000, 6 << 20} {
			body := io.MultiReader(strings.NewReader(string(pattern(sent))), iotest.ErrReader(broken))
			put(fmt.Sprintf("a body that fails after %d bytes", sent), body, vfs.PutOptions{})
		}
		put("a body that is too short", strings.NewReader("four"), size(5))
		put("a body that is too long", strings.NewReader("sixsix"), size(5))
		put("an empty body for 1 byte", strings.NewReader(""), size(1))
		put("a byte for an empty body", strings.NewReader("1"), size(0))

		ctx, cancel := context.WithCancel(p.ctx)
		body := &cancelAfter{r: strings.NewReader(string(pattern(3 << 20))), left: 100_000, cancel: cancel}
		_, err := p.b.Put(ctx, n, body, vfs.PutOptions{})
		cancel()
		p.fails("Put canceled midway", n, err, context.Canceled)
		p.unchanged("after Put canceled midway")
	}
	if p.caps.Directories {
		for _, s := range []string{"docs", "docs/deep", "digits.txt/below", "docs/guide.txt/below/it"} {
			_, err := p.b.Put(p.ctx, name(s), strings.NewReader("x"), vfs.PutOptions{})
			if err == nil {
				p.errorf("Put(%q) succeeded despite a conflicting directory or file", s)
			}
			p.unchanged("after Put with a conflict")
		}
	}
}

// cancelAfter cancels a context after a number of bytes and continues to yield.
type cancelAfter struct {
	r      io.Reader
	left   int
	cancel context.CancelFunc
}

func (c *cancelAfter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b[:min(len(b), 4096)])
	if c.left -= n; c.left <= 0 {
		c.cancel()
	}
	return n, err
}

// checkPutNames writes the names that checkNames only reads: a backend must not change
// a name when it stores it.
func checkPutNames(p *probe) {
	if !p.caps.Writable {
		return
	}
	for _, s := range sorted(p.tree.Files) {
		p.put(name(s), "written: "+s, vfs.PutOptions{})
	}
	for _, s := range sorted(p.tree.Files) {
		p.holds(name(s), "written: "+s)
	}
	if got, want := p.walk(vfs.Root), sorted(p.tree.Files); !slices.Equal(got, want) {
		p.errorf("after writing, walking by List found %+q,\nwant %+q", got, want)
	}
}

// checkPutRaces: of many concurrent creates of one name, exactly one succeeds.
func checkPutRaces(p *probe) {
	if !p.caps.Writable {
		return
	}
	const racers = 64
	cond := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}
	names := []string{"new/directory/raced", "new/raced", "raced", "raced too"}
	for _, s := range names {
		n := name(s)
		var winners, arrived atomic.Int32
		var won atomic.Value
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				<-start
				data := strings.Repeat(fmt.Sprintf("racer %02d ", i), 1000)
				_, err := p.b.Put(p.ctx, n, &barrierReader{r: strings.NewReader(data), arrived: &arrived, all: racers}, vfs.PutOptions{Cond: cond})
				if err == nil {
					winners.Add(1)
					won.Store(data)
					return
				}
				p.failsToCreate("Put in a race", n, err)
			})
		}
		close(start)
		wg.Wait()
		if w := winners.Load(); w != 1 {
			p.errorf("%d of %d racing creates of %q succeeded, want 1", w, racers, n)
			continue
		}
		p.holds(n, won.Load().(string))
	}
	if got, want := p.walk(vfs.Root), names; !slices.Equal(got, want) {
		p.errorf("after the races the backend holds %+q, want %+q", got, want)
	}
}

// A barrierReader is a body that yields its first byte when all racers have begun to read
// theirs. So a backend that checks for the name before reading, and relies on that
// afterwards, loses. A backend that reads one body at a time never lets them meet: then
// each gives up waiting after a while.
type barrierReader struct {
	r       io.Reader
	arrived *atomic.Int32
	all     int32
	met     bool
}

func (m *barrierReader) Read(b []byte) (int, error) {
	if !m.met {
		m.met = true
		m.arrived.Add(1)
		for turn := 0; turn < 10_000 && m.arrived.Load() < m.all; turn++ {
			runtime.Gosched()
		}
	}
	return m.r.Read(b)
}

// version returns content in which every part identifies the version. Versions differ
// in size.
func version(i int) string {
	return strings.Repeat(fmt.Sprintf("version %04d\n", i), 8000+i*100)
}

// whole returns an error unless data, from its start, is length bytes of one version.
func whole(data string, length int64) error {
	if len(data) < 13 || int64(len(data)) != length {
		return fmt.Errorf("%d bytes of %d", len(data), length)
	}
	line := data[:13]
	if strings.Count(data, line)*13 != len(data) {
		return fmt.Errorf("a mixture that begins with %q", line)
	}
	return nil
}
