package cache

import (
	"context"
	"hash/crc32"
	"io"
	"os"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A pinned is a span of blocks that are all in the directory and stay there.
type pinned struct {
	c      *Cache
	v      *version
	f      *blockFile
	span   vfs.Span
	blocks []*block
	one    [1]*block
}

// pin pins the blocks of span, which can all be read. It returns nil if they must be
// checked one after the other. again is as in body. The caller holds mu.
func (c *Cache) pin(v *version, span vfs.Span, again bool) *pinned {
	p := &pinned{c: c, v: v, f: v.file, span: span}
	first, end := blocksOf(span)
	p.blocks = p.one[:0]
	small := end-first == 1 && blockLen(v.info.Size, first) <= smallBytes
	for k := first; k < end; k++ {
		b := v.block(k)
		if !b.checked && !small {
			return nil
		}
		p.blocks = append(p.blocks, b)
	}
	for _, b := range p.blocks {
		b.pins++
		b.node.used = b.node.used || again
	}
	p.f.open++
	return p
}

func (p *pinned) unpin() {
	p.c.mu.Lock()
	for _, b := range p.blocks {
		b.pins--
	}
	p.c.mu.Unlock()
	p.c.release(p.f)
}

// object makes the Body of obj, and its File if it is large. It reports false if the
// blocks must be checked, or read from the source.
func (p *pinned) object(ctx context.Context, obj *vfs.Object) (bool, error) {
	c := p.c
	file, err := p.f.dir.root.Open(p.f.name)
	if err != nil {
		defer p.unpin()
		return false, c.unreadable(p.blocks[0], err)
	}
	if size := blockLen(p.v.info.Size, p.blocks[0].index); len(p.blocks) == 1 && size <= smallBytes {
		defer p.unpin()
		defer file.Close()
		return p.small(ctx, obj, file, size)
	}
	good, err := c.untouched(p.f, file, func() bool {
		for _, b := range p.blocks {
			if !b.checked {
				return false
			}
		}
		return true
	})
	if err == nil && good && p.span.Offset > 0 {
		_, err = file.Seek(p.span.Offset, io.SeekStart)
	}
	if err != nil || !good {
		defer p.unpin()
		file.Close()
		if err != nil {
			err = c.unreadable(p.blocks[0], err)
		}
		return false, err
	}
	c.mu.Lock()
	c.stats.BytesFromCache += uint64(p.span.Length)
	c.mu.Unlock()
	obj.File = file
	obj.Body = &fileBody{ctx: ctx, f: file, span: p.span, pins: p}
	return true, nil
}

// small reads a small block, checks it, and makes the Body of its bytes.
func (p *pinned) small(ctx context.Context, obj *vfs.Object, file *os.File, size int64) (bool, error) {
	c, blk := p.c, p.blocks[0]
	buf := smallBuffers.Get().(*[smallBytes]byte)
	err := readFull(file, buf[:size], blk.index*blockSize)
	switch {
	case err != nil:
		err = c.unreadable(blk, err)
	case crc32.Checksum(buf[:size], castagnoli) != blk.crc:
		c.damaged(blk)
	default:
		c.mu.Lock()
		c.stats.BytesFromCache += uint64(p.span.Length)
		c.mu.Unlock()
		from := p.span.Offset - blk.index*blockSize
		obj.Body = &smallBody{ctx: ctx, buf: buf, data: buf[from : from+p.span.Length]}
		return true, nil
	}
	smallBuffers.Put(buf)
	return false, err
}
