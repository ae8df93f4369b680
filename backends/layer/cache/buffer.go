package cache

import (
	"math/bits"
	"sync"
)

// buffers has the memory of parts: at i, that of smallestBuffer << i bytes, up to a block.
var buffers [6]sync.Pool

const smallestBuffer = blockSize >> (len(buffers) - 1)

// bufferClass returns the place in buffers of n bytes, at most a block.
func bufferClass(n int64) int { return bits.Len64(uint64(max(n, 1)-1) / smallestBuffer) }

// bufferSize returns the memory that a fill of n bytes takes: two blocks at most.
func bufferSize(n int64) int64 {
	if n > blockSize {
		return 2 * blockSize
	}
	return smallestBuffer << bufferClass(n)
}

// takeBuffer returns a buffer of n bytes, at most a block.
func takeBuffer(n int64) *[]byte {
	class := bufferClass(n)
	b, ok := buffers[class].Get().(*[]byte)
	if !ok {
		made := make([]byte, smallestBuffer<<class)
		b = &made
	}
	*b = (*b)[:n]
	return b
}

// returnBuffer makes b available again.
func returnBuffer(b *[]byte) { buffers[bufferClass(int64(cap(*b)))].Put(b) }
