package cache

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A version is what is known of one version of an object. Cache.mu guards it, except
// info, which never changes.
type version struct {
	info      vfs.Info
	immutable bool
	layer     int // of the backend that has it, for driver.Answer; 0 if unknown

	checked  time.Time // when the last question that confirmed it began; zero if none did
	order    uint64    // the place of that question among calls and questions
	askAfter time.Time // until then it is served as stale, without a question

	file  *blockFile // its blocks; nil while there are none
	fills []*fill    // that have something to give
	gone  bool       // no longer the version of its name
	node  node[*version]
}

// A gap is a name that is known to be missing.
type gap struct {
	name    vfs.Name
	checked time.Time
}

func (v *version) kept() bool { return v.info.ETag != "" }

// block returns the block k if it can be read.
func (v *version) block(k int64) *block {
	if v.file == nil {
		return nil
	}
	if b := v.file.blocks[k]; b != nil && !b.evicting {
		return b
	}
	return nil
}

// blocksOf returns the blocks [first, end) that a span touches.
func blocksOf(span vfs.Span) (first, end int64) {
	return span.Offset / blockSize, (span.Offset + span.Length + blockSize - 1) / blockSize
}

// missingIn returns the first block of span that cannot be read, or -1.
func (v *version) missingIn(span vfs.Span) int64 {
	first, end := blocksOf(span)
	for k := first; k < end; k++ {
		if v.block(k) == nil {
			return k
		}
	}
	return -1
}

// inMemory reports whether all blocks of span can be read, or are in the memory of fills
// that write them.
func (v *version) inMemory(span vfs.Span) bool {
	first, end := blocksOf(span)
	for k := first; k < end; k++ {
		if v.block(k) == nil && !slices.ContainsFunc(v.fills, func(f *fill) bool {
			p := f.part(k)
			return p != nil && p.complete()
		}) {
			return false
		}
	}
	return true
}

// runFrom returns the end of the run of blocks, from the missing block k and before end,
// that neither can be read nor will come from another fill.
func (v *version) runFrom(k, end int64) int64 {
	last := k + 1
	for last < end && v.block(last) == nil && v.fillOf(last) == nil {
		last++
	}
	return last
}

// blockLen returns the length of block k of an object of size bytes.
func blockLen(size, k int64) int64 { return min(blockSize, size-k*blockSize) }

// fresh reports whether v can be used by a call with the given order, for which answers hold
// for ttl, without asking the source. The caller holds mu.
func (c *Cache) fresh(v *version, order uint64, now time.Time, ttl time.Duration) bool {
	return v.immutable || v.order > order || !v.checked.IsZero() && now.Sub(v.checked) < ttl
}

// staleNow reports whether v may be served while the source is unavailable.
func (c *Cache) staleNow(v *version, now time.Time) bool {
	return !v.checked.IsZero() && now.Sub(v.checked) < c.opts.TTL+c.opts.Stale
}

// missingFor is how long a missing name is known.
func (c *Cache) missingFor() time.Duration { return min(c.opts.TTL, missingFor) }

// know makes info the version of its name, unless it already is, and returns the
// version. The caller holds mu and discards the files that are returned.
func (c *Cache) know(info vfs.Info, immutable bool, checked time.Time, order uint64) (*version, []*blockFile) {
	n := info.Name
	c.found(n)
	v := c.names[n]
	if v != nil && v.kept() && sameInfo(&v.info, &info) {
		c.confirm(v, checked, order)
		return v, nil
	}
	files := c.drop(v)
	v = &version{info: info, immutable: immutable, checked: checked, order: order}
	v.node.value = v
	c.names[n] = v
	c.versions.add(&v.node)
	for c.versions.len > c.opts.Objects {
		old := c.versions.evict(func(o *version) bool { return o != v && len(o.fills) == 0 })
		if old == nil {
			break
		}
		files = append(files, c.drop(old.value)...)
	}
	return v, files
}

// sameInfo reports whether two Infos of a name describe one version. An ETag says nothing
// about metadata, which on S3 can be changed alone.
func sameInfo(a, b *vfs.Info) bool {
	return a.ETag == b.ETag && a.Size == b.Size && a.ModTime.Equal(b.ModTime) && a.ContentTime.Equal(b.ContentTime) &&
		a.ContentType == b.ContentType && a.Encoding == b.Encoding && maps.Equal(a.Meta, b.Meta)
}

// confirm notes that the source still has v.
func (c *Cache) confirm(v *version, checked time.Time, order uint64) {
	if order > v.order {
		v.checked, v.order, v.askAfter = checked, order, time.Time{}
	}
}

// drop forgets v, which may be nil. Calls that read it go on. The caller holds mu and
// discards the files that are returned.
func (c *Cache) drop(v *version) []*blockFile {
	if v == nil || v.gone {
		return nil
	}
	v.gone = true
	delete(c.names, v.info.Name)
	c.versions.remove(&v.node)
	return c.dropFile(v)
}

// lose notes that n is missing. The caller holds mu.
func (c *Cache) lose(n vfs.Name, checked time.Time) {
	if c.missingFor() == 0 {
		return
	}
	c.found(n)
	g := &node[gap]{value: gap{n, checked}}
	c.absent[n] = g
	c.missing.add(g)
	if c.missing.len > maxMissing {
		old := c.missing.evict(func(gap) bool { return true })
		delete(c.absent, old.value.name)
	}
}

// found forgets that n is missing. The caller holds mu.
func (c *Cache) found(n vfs.Name) {
	if g := c.absent[n]; g != nil {
		c.missing.remove(g)
		delete(c.absent, n)
	}
}

// isMissing reports whether err says that a name does not exist, and nothing else.
func isMissing(err error) bool { return vfs.ReasonOf(err) == reason.Missing }

// isChange reports whether err, of a request for one version, means that the source has
// it no longer, or does not give it any more.
func isChange(err error) bool {
	return errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, vfs.ErrChanged) || errors.Is(err, vfs.ErrRange) || vfs.ReasonOf(err) != ""
}
