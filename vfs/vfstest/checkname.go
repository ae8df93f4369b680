package vfstest

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// legalTree holds every name of LegalNames that the backend can store.
func legalTree(opts *Options) Tree {
	tree := Tree{Files: map[string]string{}}
	for _, l := range LegalNames() {
		if opts.holds(l.Name) {
			tree.Files[l.Name] = l.Data
		}
	}
	return tree
}

// checkNames: odd names are served, each as itself, and listed unchanged.
func checkNames(p *probe) {
	for _, l := range LegalNames() {
		n := name(l.Name)
		if want, ok := p.tree.Files[l.Name]; ok {
			p.holds(n, want)
			continue
		}
		p.notef("cannot hold %+q", l.Name)
		_, _, err := p.get(n, vfs.Request{})
		p.refuses("Open", n, err, "")
		_, err = p.b.Stat(p.ctx, n, vfs.Request{})
		p.refuses("Stat", n, err, "")
	}
	if got, want := p.walk(vfs.Root), sorted(p.tree.Files); !slices.Equal(got, want) {
		p.errorf("walking by List found %+q,\nwant %+q", got, want)
	}
}

// walk returns the names of all files below dir, sorted.
func (p *probe) walk(dir vfs.Name) []string {
	var names []string
	for e, err := range p.b.List(p.ctx, dir, "") {
		if err != nil {
			p.errorf("List(%q): %w", dir, err)
			break
		}
		n, err := dir.Child(e.Elem)
		switch {
		case err != nil:
			p.errorf("List(%q) yielded %+q, which was not planted and is not a valid name", dir, e.Elem)
		case e.Kind == vfs.KindDir:
			names = append(names, p.walk(n)...)
		default:
			names = append(names, n.String())
		}
	}
	slices.Sort(names)
	return names
}

// checkMissing: a missing name gives reason.Missing, even below a file, and even if it
// is a prefix of another name.
func checkMissing(p *probe) {
	for _, s := range []string{
		"missing", "docs/missing", "missing/x", "docs/guide.tx", "docs/guide.txtx",
		"digits.txt/x", "digits.txt/x/y", "DIGITS.TXT", "docs/guide.txt/guide.txt",
		"digits.txt.", "digits.txt ", "%64igits.txt", "docs%2fguide.txt", "d*", "docs;x/guide.txt",
		strings.Repeat("m", 255), strings.Repeat(strings.Repeat("m", 255)+"/", 3) + "m",
	} {
		n := name(s)
		if !p.opts.holds(s) {
			continue
		}
		_, _, err := p.get(n, vfs.Request{Range: vfs.RangeFrom(1)})
		p.refuses("Open", n, err, reason.Missing)
		_, err = p.b.Stat(p.ctx, n, vfs.Request{Cond: vfs.Cond{IfMatch: vfs.Tags{Any: true}}})
		p.refuses("Stat", n, err, reason.Missing)
	}
}

// checkDirectories: a directory is not an object.
func checkDirectories(p *probe) {
	want := reason.Missing
	if p.caps.Directories {
		want = reason.Directory
	}
	for _, n := range []vfs.Name{name("docs"), name("docs/deep"), name("docs/deep/a"), vfs.Root} {
		why := want
		if n.IsRoot() {
			why = "" // the top is not an object; any reason is accepted
		}
		_, _, err := p.get(n, vfs.Request{})
		p.refuses("Open", n, err, why)
		_, err = p.b.Stat(p.ctx, n, vfs.Request{})
		p.refuses("Stat", n, err, why)
	}
}

// checkZeroName: the zero Name names nothing, in particular not the top.
func checkZeroName(p *probe) {
	var zero vfs.Name
	_, _, err := p.get(zero, vfs.Request{})
	p.refuses("Open", zero, err, "")
	_, err = p.b.Stat(p.ctx, zero, vfs.Request{})
	p.refuses("Stat", zero, err, "")
	entries, err := p.list(zero, "")
	p.refuses("List", zero, err, "")
	if len(entries) > 0 {
		p.errorf("List of the zero Name yielded %d entries", len(entries))
	}
	if !p.caps.Writable {
		return
	}
	_, err = p.b.Put(p.ctx, zero, strings.NewReader("x"), vfs.PutOptions{})
	p.refuses("Put", zero, err, "")
	err = p.b.Remove(p.ctx, zero, vfs.Cond{})
	p.refuses("Remove", zero, err, "")
}

func linkTree(opts *Options) Tree {
	if !opts.Links {
		return Tree{Files: map[string]string{"real/file": "real"}}
	}
	return Tree{
		Files: map[string]string{"real/file": "real", "real/sub/deep": "deep", "top": "top"},
		Links: map[string]string{
			"to-file":      "real/file",
			"to-dir":       "real",
			"real/up":      "../top",
			"real/sub/up":  "../file",
			"dangling":     "nowhere",
			"loop":         "loop",
			"ping":         "pong",
			"pong":         "ping",
			"chain":        "to-file",
			"outside":      "../outside.txt",
			"absolute":     "/etc/passwd",
			"absolute-dir": "/",
			"real/escape":  "../../../../../../../../etc/passwd",
			"to-top":       ".",
		},
	}
}

// checkLinks: links are never followed, neither at the end of a name nor on its path,
// and their targets are reported on request, one step at a time.
func checkLinks(p *probe) {
	if !p.opts.Links {
		p.notef("Options.Links is not set: symbolic links are not checked")
		return
	}
	tests := []struct{ name, link string }{
		{"to-file", "real/file"},
		{"to-dir/file", "real/file"},
		{"to-dir/sub/deep", "real/sub/deep"},
		{"to-dir", "real"},
		{"real/up", "top"},
		{"real/sub/up", "real/file"},
		{"chain", "to-file"},
		{"dangling", "nowhere"},
		{"dangling/x", "nowhere/x"},
		{"loop", "loop"},
		{"ping", "pong"},
		{"to-dir/up", "real/up"},
		{"to-top/top", "top"},
		{"outside", ""},
		{"absolute", ""},
		{"absolute-dir", ""},
		{"absolute-dir/etc/passwd", ""},
		{"real/escape", ""},
	}
	for _, tt := range tests {
		n := name(tt.name)
		for _, links := range []bool{false, true} {
			req := vfs.Request{Links: links}
			_, _, err := p.get(n, req)
			p.checkLinkError("Open", n, err, links, tt.link)
			_, err = p.b.Stat(p.ctx, n, req)
			p.checkLinkError("Stat", n, err, links, tt.link)
		}
	}
	for _, dir := range []string{"to-dir", "to-dir/sub", "to-top", "absolute-dir", "loop"} {
		n := name(dir)
		entries, err := p.list(n, "")
		p.refuses("List", n, err, "")
		if len(entries) > 0 {
			p.errorf("List(%q) followed a link and yielded %d entries", n, len(entries))
		}
	}
	entries, err := p.list(vfs.Root, "")
	if err != nil {
		p.errorf("List of the top: %w", err)
	}
	for _, e := range entries {
		if _, isLink := p.tree.Links[e.Elem]; isLink != (e.Kind == vfs.KindLink) {
			p.errorf("List of the top yielded %q with kind %d", e.Elem, e.Kind)
		}
	}
	p.holds(name("real/file"), "real")
}

func (p *probe) checkLinkError(call string, n vfs.Name, err error, asked bool, want string) {
	p.refuses(call, n, err, reason.Symlink)
	var e *vfs.Error
	if asked && errors.As(err, &e) && e.Link.String() != want {
		p.errorf("%s(%q) reports the link target %q, want %q", call, n, e.Link, want)
	}
}

func specialTree(opts *Options) Tree {
	tree := Tree{Files: map[string]string{"dir/file": "file"}}
	if opts.Special {
		tree.Special = []string{"fifo", "dir/fifo"}
	}
	return tree
}

// checkSpecial: a FIFO is refused without waiting for a writer.
func checkSpecial(p *probe) {
	if !p.opts.Special {
		p.notef("Options.Special is not set: FIFOs are not checked")
		return
	}
	for _, s := range p.tree.Special {
		n := name(s)
		_, _, err := p.get(n, vfs.Request{})
		p.refuses("Open", n, err, reason.SpecialFile)
		_, err = p.b.Stat(p.ctx, n, vfs.Request{})
		p.refuses("Stat", n, err, reason.SpecialFile)
	}
	entries, err := p.list(name("dir"), "")
	if err != nil {
		p.errorf("List(%q): %w", "dir", err)
	}
	for _, e := range entries {
		if e.Elem == "fifo" && e.Kind != vfs.KindSpecial {
			p.errorf("List yielded a FIFO with kind %d, want KindSpecial", e.Kind)
		}
	}
	p.holds(name("dir/file"), "file")
}

func rawTree(opts *Options) Tree {
	tree := Tree{
		Files: map[string]string{"raw/good": "good", "top": "top"},
		Raw:   map[string]string{},
	}
	for _, raw := range opts.Raw {
		tree.Raw[raw] = Canary
	}
	return tree
}

// checkRaw: something that others stored under an invalid name must not appear under a
// valid one, and must not prevent other names from being served.
func checkRaw(p *probe) {
	if len(p.opts.Raw) == 0 {
		p.notef("Options.Raw is empty: names outside the grammar are not checked")
		return
	}
	p.holds(name("raw/good"), "good")
	good := false
	for e, err := range p.b.List(p.ctx, name("raw"), "") {
		if err != nil {
			p.errorf("List(%q): %w", "raw", err)
			break
		}
		n, err := name("raw").Child(e.Elem)
		if err != nil || e.Kind == vfs.KindDir {
			continue
		}
		if n.String() != "raw/good" {
			p.errorf("List(%q) yielded %+q, which was not planted", "raw", e.Elem)
		}
		good = true
		_, data, err := p.get(n, vfs.Request{})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.errorf("Open(%q): %w", n, err)
		}
		if strings.Contains(string(data), Canary) {
			p.errorf("Open(%q) yielded what was planted under another name", n)
		}
	}
	if !good {
		p.errorf("List(%q) did not yield %q", "raw", "good")
	}
}
