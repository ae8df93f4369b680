package cache

import (
	"errors"
	"hash/crc32"
)

// store writes the block k of v, and reports whether it can be read now. It evicts
// others to make room. A version that is known no longer is not written.
func (c *Cache) store(v *version, k int64, data []byte) bool {
	f := c.reserve(v, k)
	if f == nil {
		return false
	}
	defer c.release(f)
	crc := crc32.Checksum(data, castagnoli)

	f.writer.Lock()
	c.mu.Lock()
	left, dead := f.left, f.dead
	f.writers++
	c.mu.Unlock()
	var changed bool
	var err error
	if !dead {
		left, changed, err = f.write(k, data, crc, left)
	}
	c.mu.Lock()
	f.writers--
	f.writes++
	var files []*blockFile
	kept := false
	switch {
	case f.dead: // its bytes go with the file
	case err != nil && len(f.blocks) == 0 && f.open == 1:
		files = c.dropFile(v)
	case err != nil, f.blocks[k] != nil:
		f.bytes -= f.blockBytes(k)
		c.used -= f.blockBytes(k)
	default:
		if changed {
			f.distrust()
		}
		b := &block{file: f, index: k, crc: crc, bytes: f.blockBytes(k), checked: true}
		b.node.value = b
		f.blocks[k] = b
		f.left = left
		c.blocks.add(&b.node)
		kept = true
	}
	c.mu.Unlock()
	f.writer.Unlock()
	c.discard(files)
	if err != nil {
		c.trouble(err)
	}
	return kept
}

// distrust makes all blocks be checked again. The caller holds Cache.mu.
func (f *blockFile) distrust() {
	for _, b := range f.blocks {
		b.checked = false
	}
}

// reserve takes room for the block k of v, and for the file if there is none yet. The
// caller releases the file. It returns nil if the block cannot be kept.
func (c *Cache) reserve(v *version, k int64) *blockFile {
	low := 0
	for range maxEvictions {
		if !c.usable() {
			return nil
		}
		c.mu.Lock()
		room := c.dir.room
		c.mu.Unlock()
		// Several fills can find the same free bytes; 5 % of a file system are many blocks.
		free := room()
		if !free {
			// Others fill the file system, and it may count freed bytes late: do not
			// give up the whole cache for one block.
			if low++; low > maxLow {
				return nil
			}
		}

		c.mu.Lock()
		if v.gone || v.file != nil && v.file.blocks[k] != nil {
			c.mu.Unlock()
			return nil
		}
		f, bytes := v.file, int64(0)
		if f == nil {
			c.serial++
			f = newBlockFile(c.dir, c.serial, v)
			bytes = f.overhead()
		}
		bytes += f.blockBytes(k)
		if free && c.used+bytes <= c.opts.Size {
			c.used += bytes
			f.bytes += bytes
			f.open++
			v.file = f
			c.mu.Unlock()
			return f
		}
		var evict func()
		if bytes <= c.opts.Size {
			evict = c.victim()
		}
		c.mu.Unlock()
		switch {
		case evict != nil:
			evict()
		case !free:
			c.trouble(errNoRoom)
			return nil
		default: // all blocks are being read
			return nil
		}
	}
	return nil
}

var errNoRoom = errors.New("less than 5 % of the file system are free")

// maxEvictions bounds how many blocks one block can displace. Small ones make room for a
// large one.
const (
	maxEvictions = 1024
	maxLow       = 8
)

// victim takes a block that nobody reads out of the queue, and returns the function that
// removes it from the disk, to be called without mu. It returns nil if there is none.
// The caller holds mu.
func (c *Cache) victim() (evict func()) {
	n := c.blocks.evict(func(b *block) bool { return b.pins == 0 })
	if n == nil {
		return nil
	}
	b := n.value
	f := b.file
	c.stats.Evictions++
	if len(f.blocks) == 1 && len(f.owner.fills) == 0 || !canPunch {
		files := c.dropFile(f.owner)
		return func() { c.discard(files) }
	}
	b.evicting = true
	f.open++
	return func() { c.erase(b) }
}

// erase removes an evicting block from its file.
func (c *Cache) erase(b *block) {
	f := b.file
	f.writer.Lock()
	c.mu.Lock()
	f.writers++
	c.mu.Unlock()
	left, err := f.erase(b.index)
	c.mu.Lock()
	f.writers--
	f.writes++
	var files []*blockFile
	switch {
	case f.dead: // its bytes go with the file
	case err != nil:
		// A file system without holes, or one that fails: only the whole file gives up
		// its bytes.
		files = c.dropFile(f.owner)
	default:
		f.left = left
		delete(f.blocks, b.index)
		f.bytes -= b.bytes
		c.used -= b.bytes
		files = c.dropEmpty(f.owner) // its other blocks were being erased, too
	}
	c.mu.Unlock()
	f.writer.Unlock()
	c.discard(files)
	c.release(f)
	if err != nil && !isLost(err) && !errors.Is(err, errors.ErrUnsupported) {
		c.trouble(err)
	}
}

// dropFile makes v a version without blocks. Readers of its file go on; its bytes count
// until the last one has closed it. The caller holds mu and discards what is returned.
func (c *Cache) dropFile(v *version) []*blockFile {
	f := v.file
	if f == nil {
		return nil
	}
	v.file = nil
	f.dead = true
	for _, b := range f.blocks {
		c.blocks.remove(&b.node)
	}
	f.open++ // until discard
	return []*blockFile{f}
}

// dropEmpty drops the file of v if it has no blocks, and gets none. The caller holds mu and
// discards what is returned.
func (c *Cache) dropEmpty(v *version) []*blockFile {
	if f := v.file; f != nil && len(v.fills) == 0 && len(f.blocks) == 0 {
		return c.dropFile(v)
	}
	return nil
}

// discard removes the names of dropped files.
func (c *Cache) discard(files []*blockFile) {
	for _, f := range files {
		f.writer.Lock()
		err := f.unlink()
		f.writer.Unlock()
		if err != nil {
			c.trouble(err)
		}
		c.release(f)
	}
}

// release ends one use of f. The last one of a dropped file frees its bytes.
func (c *Cache) release(f *blockFile) {
	c.mu.Lock()
	f.open--
	last := f.open == 0 && f.dead && !f.gone
	if last {
		f.gone = true
	}
	c.mu.Unlock()
	if !last {
		return
	}
	// Where an open file cannot be removed, discard has failed.
	f.writer.Lock()
	err := f.unlink()
	f.writer.Unlock()
	if err != nil {
		return // its bytes are still there, so they stay counted
	}
	c.mu.Lock()
	c.used -= f.bytes
	c.mu.Unlock()
}
