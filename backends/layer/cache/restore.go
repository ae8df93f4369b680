package cache

import (
	"os"
	"slices"
)

// restore takes over what an earlier process has left. No block counts as checked, and
// no version as confirmed by the source. What is no file of blocks, does not fit, or may
// come from other users, is removed; files that have other names are left alone.
func (c *Cache) restore() error {
	names, err := c.dir.names()
	if err != nil {
		return err
	}
	slices.Sort(names) // the same result each time
	for _, name := range names {
		size, serial, ok := parseFileName(name)
		if !ok {
			continue
		}
		c.serial = max(c.serial, serial)
		var f *blockFile
		if !c.dir.exposed {
			f = c.restoreFile(name, size)
		}
		if f == nil {
			c.dir.root.Remove(name)
			continue
		}
		c.mu.Lock()
		files := c.adopt(f)
		for c.used > c.opts.Size {
			evict := c.victim()
			if evict == nil {
				break
			}
			c.mu.Unlock()
			evict()
			c.mu.Lock()
		}
		c.mu.Unlock()
		c.discard(files)
	}
	return nil
}

// restoreFile reads the header and the table of a file. It returns nil if the file
// cannot be used.
func (c *Cache) restoreFile(name string, size int64) *blockFile {
	file, err := c.dir.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	info, err := readDescription(file, size)
	if err != nil {
		return nil
	}
	v := &version{info: info, immutable: c.opts.Immutable(info.Name)}
	v.node.value = v
	f := newBlockFile(c.dir, 0, v)
	if st.Size() != f.table+8*blockCount(size) {
		return nil
	}
	f.name, f.made = name, true
	f.bytes = f.overhead()
	hole := int64(0) // the first block of a run without blocks
	err = readTable(file, f.table, blockCount(size), func(k int64, crc uint32) error {
		// A process that was killed may have written a block and not its checksum.
		err := punchRun(file, size, hole, k)
		hole = k + 1
		b := &block{file: f, index: k, crc: crc, bytes: f.blockBytes(k)}
		b.node.value = b
		f.blocks[k] = b
		f.bytes += b.bytes
		return err
	})
	if err == nil {
		err = punchRun(file, size, hole, blockCount(size))
	}
	if err == nil {
		f.left, err = file.Stat()
	}
	if err != nil || len(f.blocks) == 0 {
		return nil
	}
	return f
}

// punchRun makes a hole of the blocks from first to before end of an object.
func punchRun(file *os.File, size, first, end int64) error {
	if first >= end {
		return nil
	}
	return punch(file, first*blockSize, min(end*blockSize, size)-first*blockSize)
}

// adopt makes f the file of its version, unless there already is a file for the name. The
// caller holds mu and discards what is returned.
func (c *Cache) adopt(f *blockFile) []*blockFile {
	v := f.owner
	v.file = f
	c.used += f.bytes
	if c.names[v.info.Name] != nil || c.versions.len >= c.opts.Objects {
		v.gone = true
		return c.dropFile(v)
	}
	c.names[v.info.Name] = v
	c.versions.add(&v.node)
	for _, b := range f.blocks {
		c.blocks.add(&b.node)
	}
	return nil
}
