package vfstest

import (
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func emptyTree(*Options) Tree { return Tree{} }

// listTree holds names whose order differs between comparing elements, comparing whole
// keys, and comparing case-insensitively.
func listTree(opts *Options) Tree {
	tree := Tree{Files: map[string]string{}}
	for _, s := range []string{
		"a-b", "a/x", "a/y/z", "a0", "a.txt", "B", "b", "Z/1", "z", "zz/1/2/3", "with space/x", "with space.txt",
		"é.txt", "日本/x", "日本.txt", "1", "10", "2", "a-b-c/x", "_", "~", "%41",
		"many/01", "many/02", "many/03", "many/04", "many/05", "many/06/x", "many/07", "many/08",
	} {
		if opts.holds(s) {
			tree.Files[s] = "contents of " + s
		}
	}
	return tree
}

// list collects the entries of dir and checks that nothing follows an error.
func (p *probe) list(dir vfs.Name, after string) ([]vfs.Entry, error) {
	var entries []vfs.Entry
	var failed error
	for e, err := range p.b.List(p.ctx, dir, after) {
		if failed != nil {
			p.errorf("List(%q, %+q) continued after its error: %+v, %v", dir, after, e, err)
			break
		}
		if err != nil {
			failed = err
			continue
		}
		entries = append(entries, e)
	}
	return entries, failed
}

// expected returns the keys that List must yield for dir, in order.
func (t Tree) expected(dir vfs.Name) []string {
	keys := map[string]bool{}
	for s := range t.Files {
		rest := s
		if !dir.IsRoot() {
			var below bool
			if rest, below = strings.CutPrefix(s, dir.String()+"/"); !below {
				continue
			}
		}
		elem, _, deeper := strings.Cut(rest, "/")
		if deeper {
			elem += "/"
		}
		keys[elem] = true
	}
	return sorted(keys)
}

// dirs returns all directories of the tree, the top included.
func (t Tree) dirs() []vfs.Name {
	all := map[string]bool{".": true}
	for s := range t.Files {
		for d := name(s).Dir(); !d.IsRoot(); d = d.Dir() {
			all[d.String()] = true
		}
	}
	var dirs []vfs.Name
	for _, s := range sorted(all) {
		if s == "." {
			dirs = append(dirs, vfs.Root)
		} else {
			dirs = append(dirs, name(s))
		}
	}
	return dirs
}

func keysOf(entries []vfs.Entry) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.Key()
	}
	return keys
}

func checkList(p *probe) {
	for _, dir := range p.tree.dirs() {
		entries, err := p.list(dir, "")
		if err != nil {
			p.errorf("List(%q): %w", dir, err)
			continue
		}
		if got, want := keysOf(entries), p.tree.expected(dir); !slices.Equal(got, want) {
			p.errorf("List(%q) yielded %+q,\nwant, in this order, %+q", dir, got, want)
		}
		for _, e := range entries {
			p.checkEntry(dir, e)
		}
		again, _ := p.list(dir, "")
		if !slices.Equal(keysOf(again), keysOf(entries)) {
			p.errorf("List(%q) yielded a different result the second time", dir)
		}
		p.checkHints(dir)
	}
}

// checkHints lists for a caller that needs only some entries: those must be present, in
// order if required, whatever else is yielded.
func (p *probe) checkHints(dir vfs.Name) {
	every := func(string, vfs.Kind) bool { return true }
	some := func(elem string, kind vfs.Kind) bool { return (len(elem)+int(kind))%2 == 0 }
	for _, h := range []struct {
		what string
		hint driver.ListHint
	}{
		{"only some entries", driver.ListHint{Shows: some}},
		{"the names of some", driver.ListHint{Shows: some, Names: true}},
		{"entries in any order", driver.ListHint{AnyOrder: true}},
		{"some, in any order", driver.ListHint{Shows: some, AnyOrder: true}},
		{"one entry, then continuing", driver.ListHint{Limit: 1}},
		{"three of some, then continuing", driver.ListHint{Shows: some, Limit: 3}},
		{"a bound on requests", driver.ListHint{Requests: 1000}},
	} {
		shows := h.hint.Shows
		if shows == nil {
			shows = every
		}
		all := p.tree.expected(dir)
		for _, after := range []string{"", "a", "b/", "zz"} {
			var got, want []string
			for _, key := range all {
				elem, isDir := strings.CutSuffix(key, "/")
				if key > after && (isDir && shows(elem, vfs.KindDir) || !isDir && shows(elem, vfs.KindFile)) {
					want = append(want, key)
				}
			}
			for e, err := range p.b.List(driver.WithListHint(p.ctx, h.hint), dir, after) {
				if err != nil {
					p.errorf("List(%q, after %+q) for %s: %w", dir, after, h.what, err)
					return
				}
				if shows(e.Elem, e.Kind) {
					got = append(got, e.Key())
				}
				if !h.hint.Names {
					p.checkEntry(dir, e)
				}
			}
			if h.hint.AnyOrder {
				slices.Sort(got)
			}
			if !slices.Equal(got, want) {
				p.errorf("List(%q, after %+q) for %s yielded, of the wanted entries, %+q,\nwant %+q", dir, after, h.what, got, want)
			}
		}
	}
}

// checkEntry compares an entry of List with the result of Stat.
func (p *probe) checkEntry(dir vfs.Name, e vfs.Entry) {
	n, err := dir.Child(e.Elem)
	switch {
	case err != nil:
		p.errorf("List(%q) yielded %+q, which is not a valid name", dir, e.Elem)
	case e.Kind == vfs.KindDir:
		if !e.ModTime.IsZero() || e.Size != 0 {
			p.errorf("List(%q) gives the directory %q a size or a time", dir, e.Elem)
		}
	case e.Kind != vfs.KindFile:
		p.errorf("List(%q) gives the file %q kind %d", dir, e.Elem, e.Kind)
	default:
		info, err := p.b.Stat(p.ctx, n, vfs.Request{})
		if err != nil {
			p.errorf("Stat of the listed %q: %w", n, err)
			return
		}
		if e.Size != info.Size {
			p.errorf("List(%q) gives %q %d bytes, Stat %d", dir, e.Elem, e.Size, info.Size)
		}
		if !e.ModTime.IsZero() && !e.ModTime.Equal(info.ModTime) {
			p.errorf("List(%q) gives %q the time %v, Stat %v", dir, e.Elem, e.ModTime, info.ModTime)
		}
	}
}

// checkListAfter pages from every possible position: each key, strings just before and
// just after it, and keys that do not exist.
func checkListAfter(p *probe) {
	for _, dir := range p.tree.dirs() {
		all := p.tree.expected(dir)
		positions := []string{"\x01", "\xff\xff", "~~~~", "/", "a/b", strings.Repeat("z", 2000)}
		for _, key := range all {
			positions = append(positions, key, key+"\x00", key[:len(key)-1], strings.TrimSuffix(key, "/"), key+"zzz")
		}
		for _, after := range positions {
			i, _ := slices.BinarySearch(all, after+"\x00")
			want := all[i:]
			entries, err := p.list(dir, after)
			if err != nil {
				p.errorf("List(%q, after %+q): %w", dir, after, err)
				continue
			}
			if got := keysOf(entries); !slices.Equal(got, want) {
				p.errorf("List(%q, after %+q) yielded %+q,\nwant %+q", dir, after, got, want)
			}
		}
		p.pageOneByOne(dir, all)
	}
}

// pageOneByOne reads a directory as a client with a limit of one entry does, ending
// each iteration early.
func (p *probe) pageOneByOne(dir vfs.Name, want []string) {
	var got []string
	after := ""
	for range len(want) + 1 {
		more := false
		for e, err := range p.b.List(p.ctx, dir, after) {
			if err != nil {
				p.errorf("List(%q, after %+q): %w", dir, after, err)
				return
			}
			got, after, more = append(got, e.Key()), e.Key(), true
			break
		}
		if !more {
			break
		}
	}
	if !slices.Equal(got, want) {
		p.errorf("paging through %q one by one gave %+q,\nwant %+q", dir, got, want)
	}
}

// checkListNothing: List of a missing name, or of something other than a directory,
// fails before any entry. A prefix of a name is not a directory.
func checkListNothing(p *probe) {
	for _, s := range []string{"missing", "docs/missing", "docs/guide.txt", "digits.txt", "empty", "digits.txt/x", "doc", "docs/de", "DOCS"} {
		dir := name(s)
		for _, after := range []string{"", "a"} {
			entries, err := p.list(dir, after)
			p.refuses("List", dir, err, "")
			if len(entries) > 0 {
				p.errorf("List(%q, after %+q) yielded %d entries", dir, after, len(entries))
			}
		}
	}
}

// checkListEmpty: the top of an empty backend is an empty directory.
func checkListEmpty(p *probe) {
	entries, err := p.list(vfs.Root, "")
	if err != nil || len(entries) > 0 {
		p.errorf("List of the top of an empty backend yielded %d entries and %v", len(entries), err)
	}
}

// checkWalk: a Walker yields the same as listing all directories, in the order of
// paths. Caps.Walks tells truly whether the backend has a Walk.
func checkWalk(p *probe) {
	if !p.b.Caps().Walks {
		for _, err := range driver.Walk(p.ctx, p.b, vfs.Root) {
			p.fails("Walk", vfs.Root, err, vfs.ErrUnsupported)
		}
		return
	}
	for _, dir := range p.tree.dirs() {
		var want []string
		for s := range p.tree.Files {
			if rest, below := strings.CutPrefix(s, dir.String()+"/"); dir.IsRoot() {
				want = append(want, s)
			} else if below {
				want = append(want, rest)
			}
		}
		slices.Sort(want)
		var got []string
		for e, err := range driver.Walk(p.ctx, p.b, dir) {
			if err != nil {
				p.errorf("Walk(%q): %w", dir, err)
				break
			}
			got = append(got, e.Elem)
			path := e.Elem
			if !dir.IsRoot() {
				path = dir.String() + "/" + path
			}
			if size := int64(len(p.tree.Files[path])); e.Kind != vfs.KindFile || e.Size != size {
				p.errorf("Walk(%q) yielded %q as kind %d with %d bytes, want a file with %d", dir, e.Elem, e.Kind, e.Size, size)
			}
		}
		if !slices.Equal(got, want) {
			p.errorf("Walk(%q) yielded %+q,\nwant, in this order, %+q", dir, got, want)
		}
		for range driver.Walk(p.ctx, p.b, dir) {
			break // an iteration may stop early
		}
	}
	for _, s := range []string{"no-such-dir", "a.txt", "a/no-such-dir"} {
		n, count := name(s), 0
		for _, err := range driver.Walk(p.ctx, p.b, n) {
			count++
			p.refuses("Walk", n, err, reason.Missing)
		}
		if count != 1 {
			p.errorf("Walk(%q), of a missing directory: %d results, want one error", n, count)
		}
	}
}
