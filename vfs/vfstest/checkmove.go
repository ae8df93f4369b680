package vfstest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// jail returns a jail that allows every name, for what only a Jail can do.
func (p *probe) jail() *vfs.Jail {
	j, err := vfs.New(p.b, vfs.Policy{Allow: vfs.Patterns("**", "**/.*", "**/.*/**")})
	if err != nil {
		panic(err)
	}
	return j
}

// checkCopy: Jail.Copy has the same result whether the store copies or the bytes pass
// through the process.
func checkCopy(p *probe) {
	if !p.caps.Writable {
		return
	}
	j, from := p.jail(), name("digits.txt")
	version := p.stat(from)
	create := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	for _, c := range []struct {
		what string
		to   string
		opts vfs.PutOptions
		want error
	}{
		{"to a new name", "copied.txt", vfs.PutOptions{}, nil},
		{"into a new directory", "copied/deep/object.txt", vfs.PutOptions{Cond: create}, nil},
		{"over an object", "copied.txt", vfs.PutOptions{}, nil},
		{"over an object, creating", "copied.txt", vfs.PutOptions{Cond: create}, vfs.ErrExist},
		{"of another version", "never.txt", vfs.PutOptions{Source: match("another")}, vfs.ErrPrecondition},
		{"of this version", "this.txt", vfs.PutOptions{Source: match(version.ETag)}, nil},
	} {
		_, err := j.Copy(p.ctx, name(c.to), j, from, c.opts)
		switch {
		case c.want != nil:
			p.failsAs("Copy "+c.what, err, c.want)
		case err != nil:
			p.errorf("Copy %s: %w", c.what, err)
		default:
			p.holds(name(c.to), digits)
		}
		p.holds(from, digits)
	}
	if _, err := p.b.Stat(p.ctx, name("never.txt"), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
		p.errorf("a failed Copy left something: %v", err)
	}
}

// checkMove: Jail.Move leaves the object under its new name only.
func checkMove(p *probe) {
	if !p.caps.Writable {
		return
	}
	j := p.jail()
	create := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	at := name("digits.txt")
	for _, c := range []struct {
		what     string
		to       string
		opts     vfs.PutOptions
		replaces bool
		want     error
	}{
		{"to a new name", "moved.txt", vfs.PutOptions{}, false, nil},
		{"into a new directory", "moved/deep/object.txt", vfs.PutOptions{Cond: create}, false, nil},
		{"out of a directory that becomes empty", "moved.txt", vfs.PutOptions{}, false, nil},
		{"over an object", "taken.txt", vfs.PutOptions{}, true, nil},
		{"over an object, creating", "other.txt", vfs.PutOptions{Cond: create}, false, vfs.ErrExist},
		{"of another version", "never.txt", vfs.PutOptions{Source: match("another")}, false, vfs.ErrPrecondition},
		{"onto itself", "taken.txt", vfs.PutOptions{}, false, vfs.ErrUnsupported},
	} {
		if c.replaces || errors.Is(c.want, vfs.ErrExist) {
			p.put(name(c.to), "in the way", vfs.PutOptions{})
		}
		w, err := j.Move(p.ctx, name(c.to), j, at, c.opts)
		switch {
		case c.want != nil:
			p.failsAs("Move "+c.what, err, c.want)
		case err != nil:
			p.errorf("Move %s: %w", c.what, err)
			return
		default:
			if w.Replaced != c.replaces {
				p.errorf("Move %s: Replaced is %t, want %t", c.what, w.Replaced, c.replaces)
			}
			if _, err := p.b.Stat(p.ctx, at, vfs.Request{}); vfs.ReasonOf(err) == "" {
				p.errorf("after Move %s, %q is still there: %v", c.what, at, err)
			}
			if stat := p.stat(name(c.to)); stat.ETag != w.Info.ETag {
				p.errorf("Move %s returned the ETag %q, but Stat %q", c.what, w.Info.ETag, stat.ETag)
			}
			at = name(c.to)
		}
		p.holds(at, digits)
	}
	p.holds(name("other.txt"), "in the way")
	if _, err := j.Move(p.ctx, name("x"), j, name("no such object"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Missing {
		p.errorf("Move of a missing object: %v", err)
	}
	if got := p.walk(vfs.Root); slices.ContainsFunc(got, func(s string) bool { return s == "never.txt" || s == "x" }) {
		p.errorf("a failed Move left something: %q", got)
	}
}

// checkMoveSpelling: Jail.Move corrects the case of a name, or its normal form; a store that
// finds an object by both names may refuse that.
func checkMoveSpelling(p *probe) {
	if !p.caps.Writable {
		return
	}
	j := p.jail()
	create := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	at := name("d/readme.txt")
	p.put(at, digits, vfs.PutOptions{})
	_, err := p.b.Stat(p.ctx, name("d/README.txt"), vfs.Request{})
	folds := vfs.ReasonOf(err) != reason.Missing
	for _, c := range []struct {
		to   string
		opts vfs.PutOptions
	}{{"d/README.txt", vfs.PutOptions{}}, {"d/Readme.TXT", vfs.PutOptions{Cond: create}}, {"d/readme.txt", vfs.PutOptions{Cond: create}}} {
		_, err := j.Move(p.ctx, name(c.to), j, at, c.opts)
		switch {
		case err == nil:
			at = name(c.to)
		case folds && vfs.ReasonOf(err) == reason.CreateSibling:
		default:
			p.errorf("Move of %q to %q: %w", at, c.to, err)
		}
		if got := p.walk(vfs.Root); !slices.Contains(got, at.String()) || len(slices.DeleteFunc(got, func(s string) bool { return !strings.EqualFold(s, at.String()) })) != 1 {
			p.errorf("after Move of %q to %q: %q", at, c.to, got)
		}
		p.holds(at, digits)
	}
	other := name("d/other.txt")
	p.put(other, "other", vfs.PutOptions{})
	if _, err := j.Move(p.ctx, name("d/README.TXT"), j, other, vfs.PutOptions{}); !errors.Is(err, fs.ErrNotExist) && !folds {
		p.errorf("Move of another object to another spelling of %q: %v", at, err)
	}
}

// checkMoveRaces: of many moves of one object, one succeeds and only its name exists.
// Where the store can rename, a reader finds the object at every moment.
func checkMoveRaces(p *probe) {
	if !p.caps.Writable {
		return
	}
	const racers = 64
	j := p.jail()
	create := vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}
	from := name("here/object")
	for round := range 4 {
		p.put(from, digits, vfs.PutOptions{})
		var winners atomic.Int32
		var won atomic.Value
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				<-start
				to := name(fmt.Sprintf("here/round %d racer %d", round, i))
				j := j
				if p.caps.Moves {
					j = p.jail() // one Jail would let them move one after the other
				}
				if _, err := j.Move(p.ctx, to, j, from, vfs.PutOptions{Cond: create}); err == nil {
					winners.Add(1)
					won.Store(to.String())
				} else if vfs.ReasonOf(err) != reason.Missing && !errors.Is(err, vfs.ErrChanged) && !errors.Is(err, vfs.ErrUnavailable) {
					p.errorf("Move in a race: %w", err)
				}
			})
		}
		close(start)
		wg.Wait()
		if w := winners.Load(); w != 1 {
			p.errorf("%d of %d racing moves succeeded, want 1", w, racers)
			return
		}
		if got, want := p.walk(vfs.Root), []string{won.Load().(string)}; !slices.Equal(got, want) {
			p.errorf("after the race the backend holds %q, want %q", got, want)
			return
		}
		if err := p.b.Remove(p.ctx, name(won.Load().(string)), vfs.Cond{}); err != nil {
			p.errorf("removing what was moved: %w", err)
			return
		}
	}
	if p.caps.Moves {
		p.neverMissed(j)
	}
}

// neverMissed moves an object to and fro while readers look for it. A reader that finds
// neither name looks again: the object can pass it between its two looks, but not every
// time.
func (p *probe) neverMissed(j *vfs.Jail) {
	names := []vfs.Name{name("to and fro/a"), name("to and fro/b")}
	p.put(names[0], digits, vfs.PutOptions{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for misses := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				found := false
				for _, n := range names {
					_, err := p.b.Stat(p.ctx, n, vfs.Request{})
					found = found || err == nil
				}
				if misses++; found {
					misses = 0
				}
				if misses == 100 {
					p.errorf("during moves, the object was under none of its names")
					return
				}
			}
		})
	}
	for i := range 200 {
		if _, err := j.Move(p.ctx, names[1-i%2], j, names[i%2], vfs.PutOptions{}); err != nil {
			p.errorf("Move to and fro: %w", err)
			break
		}
	}
	close(done)
	wg.Wait()
	p.holds(names[0], digits)
}

// failsAs checks an error that can be about either of two names.
func (p *probe) failsAs(call string, err, target error) {
	var e *vfs.Error
	if !errors.Is(err, target) || !errors.As(err, &e) {
		p.errorf("%s: %v, want an Error with %v", call, err, target)
	}
}

func match(etag string) vfs.Cond {
	return vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: etag, Set: true}}}}
}

// stat returns the Info of an object that must exist.
func (p *probe) stat(n vfs.Name) vfs.Info {
	info, err := p.b.Stat(p.ctx, n, vfs.Request{})
	if err != nil {
		p.errorf("Stat(%q): %w", n, err)
	}
	return info
}
