package cache

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A body yields a span of a version, each block from where it is: the directory, the
// memory of a fill, or the source. It holds no bytes between two reads.
type body struct {
	c        *Cache
	v        *version
	ctx      context.Context
	off, end int64 // in the object
	err      error // of an earlier read
	closed   bool

	// again is set if the call did not bring the blocks that it found: to read them for
	// the first time is no use that the eviction policy should count.
	again bool

	fill *fill // attached; nil if none

	file *os.File   // open, for reading from
	from *blockFile // the file that it is
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.off == b.end:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	k := b.off / blockSize
	p = p[:min(int64(len(p)), b.end-b.off, (k+1)*blockSize-b.off)]
	n, err := b.read(k, p)
	b.off += int64(n)
	if err != nil {
		b.err = err
		b.detach()
	}
	return n, err
}

// read reads bytes of block k at b.off into p.
func (b *body) read(k int64, p []byte) (int, error) {
	c := b.c
	for lost := 0; lost < maxLost; {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return 0, fs.ErrClosed
		}
		if blk := b.v.block(k); blk != nil {
			blk.pins++
			if f := b.fill; b.again && (f == nil || k < f.first || k >= f.end) {
				blk.node.used = true
			}
			blk.file.open++
			c.mu.Unlock()
			ok, err := b.readBlock(blk, p)
			c.mu.Lock()
			blk.pins--
			if ok {
				c.stats.BytesFromCache += uint64(len(p))
			}
			c.mu.Unlock()
			c.release(blk.file)
			if ok {
				return len(p), nil
			}
			if err != nil {
				return 0, fail("open", b.v.info.Name, false, err)
			}
			lost++
			continue
		}
		if b.fill != nil && !b.fill.will(k) {
			lost++ // the block came from it, and has left again
		}
		n, err := b.await(k, p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, &vfs.Error{Op: "open", Name: b.v.info.Name.String(), Err: vfs.ErrUnavailable}
}

// maxLost is how often a block may vanish before its bytes are read: the directory is too
// small for its readers, or somebody removes its files.
const maxLost = 64

// await waits for bytes of block k from a fill. It returns neither bytes nor an error if
// the caller has to look again. The caller holds mu; await releases it.
func (b *body) await(k int64, p []byte) (int, error) {
	c := b.c
	if b.fill != nil && !b.fill.will(k) {
		err := b.fill.err
		if err != nil && k < b.fill.next-1 {
			err = nil // this block had come
		}
		c.detach(b.fill)
		b.fill = nil
		if err != nil {
			c.mu.Unlock()
			return 0, b.changed(err)
		}
	}
	if b.fill == nil {
		c.attach(b, k, true)
	}
	f := b.fill
	if k > f.front {
		f.front = k
		f.forget()
		f.notify()
	}
	in := int(b.off % blockSize)
	if part := f.part(k); part != nil && part.n > in {
		part.users++
		from := part.buf[in:part.n]
		c.mu.Unlock()
		n := copy(p, from)
		c.mu.Lock()
		c.unuse(part)
		c.mu.Unlock()
		return n, nil
	}
	change := f.wait()
	c.mu.Unlock()
	select {
	case <-change:
		return 0, nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

// changed returns the error of a body whose fill failed: bytes of the version were
// promised, so a version that is gone is vfs.ErrChanged.
func (b *body) changed(err error) error {
	if isChange(err) {
		err = vfs.ErrChanged
	}
	return fail("open", b.v.info.Name, false, err)
}

// attach makes a body wait for the fill of block k, and starts one if there is none. Unless
// it must succeed, it reports false if there are too many. The caller holds mu.
func (c *Cache) attach(b *body, k int64, must bool) bool {
	f := b.v.fillOf(k)
	if f != nil {
		f.attach()
	} else {
		f = c.fill(b.v, k, (b.end+blockSize-1)/blockSize, must)
	}
	b.fill = f
	return f != nil
}

// readBlock reads len(p) bytes at b.off, in the pinned block blk. If it returns false, the
// block is not there any more: it could not be read, or had a wrong checksum.
func (b *body) readBlock(blk *block, p []byte) (bool, error) {
	c := b.c
	if b.from != blk.file {
		b.closeFile()
		file, err := blk.file.dir.root.Open(blk.file.name)
		if err != nil {
			return false, c.unreadable(blk, err)
		}
		b.file, b.from = file, blk.file
		c.mu.Lock()
		blk.file.open++
		c.mu.Unlock()
	}
	good, err := c.untouched(blk.file, b.file, func() bool { return blk.checked })
	if err == nil && good {
		if err = readFull(b.file, p, b.off); err == nil {
			return true, nil
		}
	}
	if err != nil {
		return false, c.unreadable(blk, err)
	}
	buf := takeBuffer(blockLen(b.v.info.Size, blk.index))
	defer returnBuffer(buf)
	data := *buf
	if err := readFull(b.file, data, blk.index*blockSize); err != nil {
		return false, c.unreadable(blk, err)
	}
	if crc32.Checksum(data, castagnoli) != blk.crc {
		c.damaged(blk)
		return false, nil
	}
	copy(p, data[b.off-blk.index*blockSize:])
	c.mu.Lock()
	blk.checked = true
	c.mu.Unlock()
	return true, nil
}

// untouched reports whether file is as this process left it, and checked returns true. It
// makes all its blocks be checked again if it is not. While this process writes to it,
// that cannot be seen; then, the writer looks.
func (c *Cache) untouched(f *blockFile, file *os.File, checked func() bool) (bool, error) {
	c.mu.Lock()
	writes, busy := f.writes, f.writers > 0
	c.mu.Unlock()
	at, err := file.Stat()
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !busy && f.writes == writes && f.writers == 0 && !sameState(at, f.left) {
		f.distrust()
		f.left = at
	}
	return checked(), nil
}

// unreadable drops the file of a block that cannot be read. It returns an error if only
// this process lacks something.
func (c *Cache) unreadable(blk *block, err error) error {
	if isExhausted(err) {
		return fmt.Errorf("%w: %w", vfs.ErrUnavailable, err)
	}
	c.distrusted(blk.file)
	if !isLost(err) {
		c.trouble(err)
	}
	return nil
}

// damaged drops the file of a block with a wrong checksum: whatever did that may have done
// it to others.
func (c *Cache) damaged(blk *block) {
	c.mu.Lock()
	c.stats.Damaged++
	c.mu.Unlock()
	c.distrusted(blk.file)
}

// distrusted drops f.
func (c *Cache) distrusted(f *blockFile) {
	c.mu.Lock()
	var files []*blockFile
	if f.owner.file == f {
		files = c.dropFile(f.owner)
	}
	c.mu.Unlock()
	c.discard(files)
}

func (b *body) detach() {
	if b.fill != nil {
		b.c.mu.Lock()
		b.c.detach(b.fill)
		b.c.mu.Unlock()
		b.fill = nil
	}
}

func (b *body) closeFile() {
	if b.file != nil {
		b.file.Close()
		b.c.release(b.from)
		b.file, b.from = nil, nil
	}
}

func (b *body) Close() error {
	if b.closed {
		return fs.ErrClosed
	}
	b.detach()
	b.closeFile()
	b.closed, b.err = true, fs.ErrClosed
	return nil
}
