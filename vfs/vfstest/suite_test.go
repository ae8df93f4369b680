package vfstest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// Invalid options are errors; otherwise a suite that checks nothing would pass.
func TestBadOptions(t *testing.T) {
	open := func(tree vfstest.Tree) (vfs.Backend, error) { return newReference(tree), nil }
	for what, opts := range map[string]vfstest.Options{
		"unknown weakness":   {Weaknesses: map[string]string{"no such check": "why"}},
		"raw name elsewhere": {Raw: []string{"elsewhere/x"}},
	} {
		if err := vfstest.CheckBackend(t.Context(), open, opts); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for what, open := range map[string]func(vfstest.Tree) (vfs.Backend, error){
		"a failing opener":           func(vfstest.Tree) (vfs.Backend, error) { return nil, errors.New("no disk") },
		"an opener without a result": func(vfstest.Tree) (vfs.Backend, error) { return nil, nil },
	} {
		if err := vfstest.CheckBackend(t.Context(), open, vfstest.Options{}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A backend that blocks forever, as the open of a FIFO does, must not block the suite.
func TestBlockedBackend(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	open := func(tree vfstest.Tree) (vfs.Backend, error) {
		r := newReference(tree)
		return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
			cancel()
			<-release
			return r.Open(ctx, n, req)
		}}, nil
	}
	err := vfstest.CheckBackend(ctx, open, vfstest.Options{Weaknesses: allBut("reading")})
	if err == nil || !strings.Contains(err.Error(), "reading: blocked") {
		t.Errorf("got %v", err)
	}
}

// With a 304, a remote service does not report the size. Any other wrong size is still
// detected.
func TestSizeUnknownIfNotModified(t *testing.T) {
	for size, ok := range map[int64]bool{-1: true, 3: false} {
		open := func(tree vfstest.Tree) (vfs.Backend, error) {
			r := newReference(tree)
			return &layer{reference: r, open: func(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
				obj, err := r.Open(ctx, n, req)
				if e, is := err.(*vfs.Error); is && errors.Is(e, vfs.ErrNotModified) {
					e.Info.Size = size
				}
				return obj, err
			}}, nil
		}
		err := vfstest.CheckBackend(t.Context(), open, vfstest.Options{Weaknesses: allBut("conditions")})
		if (err == nil) != ok {
			t.Errorf("with the size %d the suite returned %v", size, err)
		}
	}
}

// A backend may be unable to store some names if it reports each of them.
func TestUnholdable(t *testing.T) {
	opts := vfstest.Options{Unholdable: func(name string) bool { return !vfstest.Portable(name) }}
	planted := 0
	err := vfstest.CheckBackend(t.Context(), func(tree vfstest.Tree) (vfs.Backend, error) {
		for name := range tree.Files {
			if !vfstest.Portable(name) {
				t.Errorf("the suite asked to plant %q", name)
			}
			planted++
		}
		return newReference(tree), nil
	}, opts)
	if err != nil || planted == 0 {
		t.Errorf("%d planted, %v", planted, err)
	}
}

func TestPortable(t *testing.T) {
	for name, want := range map[string]bool{
		"a/b.txt": true, ".well-known/x": true, "a/.b/.c/d": true, "a/.b/.c/nul": false, "фото.jpg": true,
		"aux.txt": false, "10:30.log": false, "a.": false, "cafe\u0301": false, "../x": false, "a?": false,
		strings.Repeat("long/", 200) + "x": false,
	} {
		if got := vfstest.Portable(name); got != want {
			t.Errorf("Portable(%q) is %t", name, got)
		}
	}
}

// Some names must reach the limits, or an off-by-one error would go unnoticed.
func TestLegalReachesTheLimits(t *testing.T) {
	longest, longestElement := 0, 0
	for _, l := range vfstest.LegalNames() {
		longest = max(longest, len(l.Name))
		for e := range strings.SplitSeq(l.Name, "/") {
			longestElement = max(longestElement, len(e))
		}
	}
	if longest != vfs.MaxNameBytes || longestElement != vfs.MaxElementBytes {
		t.Errorf("the longest name has %d bytes, the longest element %d", longest, longestElement)
	}
}
