package server

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A lister returns at most limit entries after the key after, as vfs.Jail.ListPage does.
type lister func(after string, limit int) (vfs.Page, error)

// page returns the page that l asks for, and whether it has the order that l asks for. All
// that list yields is sorted, for each page, so it must have at most maxPage entries.
func (l *listQuery) page(list lister, limit int) (p vfs.Page, sorted bool, err error) {
	asKey := l.after
	if isPosition(asKey) {
		asKey = ""
	}
	if !l.reorders() {
		p, err = list(asKey, limit)
		return p, true, err
	}
	// The pages before this one were not sorted: go on as they did.
	if asKey != "" {
		p, err = list(asKey, limit)
		return p, false, err
	}
	if p, err = list("", maxPage); err != nil {
		return vfs.Page{}, false, err
	}
	sorted = p.Next == ""
	if sorted {
		l.arrange(&p)
	}
	if len(p.Entries) > limit {
		p.Entries = p.Entries[:limit]
		p.Next = p.Entries[limit-1].Key()
		if sorted {
			p.Next = l.position(&p.Entries[limit-1]).String()
		}
	}
	// The response holds the page, and must not keep all that was sorted for it.
	p.Entries = slices.Clone(p.Entries)
	return p, sorted, nil
}

// arrange sorts the entries of p and removes those before l.after.
func (l *listQuery) arrange(p *vfs.Page) {
	order := func(a, b position) int {
		if l.Desc {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.key, b.key))
	}
	slices.SortFunc(p.Entries, func(a, b vfs.Entry) int { return order(l.position(&a), l.position(&b)) })
	if after, ok := parsePosition(l.after); ok {
		n := slices.IndexFunc(p.Entries, func(e vfs.Entry) bool { return order(l.position(&e), after) > 0 })
		if n < 0 {
			n = len(p.Entries)
		}
		p.Entries = p.Entries[n:]
	}
}

// A position is the place of an entry in another order than that of keys. It does not depend
// on the other entries, so the pages of a directory that changes have each entry that stays.
type position struct {
	rank int64 // by what the order goes; 0 for names
	key  string
}

// position returns the position of an entry. Directories and unknown times come first.
func (l *listQuery) position(e *vfs.Entry) position {
	p := position{key: e.Key()}
	switch l.Sort {
	case listing.BySize:
		p.rank = e.Size
		if e.Kind == vfs.KindDir {
			p.rank = -1
		}
	case listing.ByModified:
		p.rank = math.MinInt64
		if e.Kind != vfs.KindDir && !e.ModTime.IsZero() {
			p.rank = e.ModTime.UnixMicro()
		}
	}
	return p
}

// String returns the position for a query. A key never begins with a slash.
func (p position) String() string { return "/" + strconv.FormatInt(p.rank, 10) + "/" + p.key }

func isPosition(s string) bool { return strings.HasPrefix(s, "/") }

func parsePosition(s string) (p position, ok bool) {
	rank, key, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	n, err := strconv.ParseInt(rank, 10, 64)
	return position{n, key}, ok && isPosition(s) && err == nil
}
