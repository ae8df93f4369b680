package htpasswd

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// A memory caches recently verified passwords, so that a page with twenty images does
// not need twenty checks. It stores no password, and nothing that allows guessing one
// without the process's secret. Wrong passwords are not cached: each guess must cost its
// work.
type memory struct {
	secret [32]byte
	size   int
	keep   time.Duration

	mu    sync.Mutex
	until map[digest]*list.Element
	order *list.List // of remembered, in order of expiry
}

// The defaults of how long passwords are remembered, and how many.
const (
	defaultRemember   = 5 * time.Minute
	defaultRemembered = 1024
)

type digest [sha256.Size]byte

type remembered struct {
	key   digest
	until time.Time
}

func newMemory(size int, keep time.Duration) *memory {
	m := &memory{size: size, keep: keep, until: make(map[digest]*list.Element), order: list.New()}
	_, _ = rand.Read(m.secret[:]) // never fails
	return m
}

// key returns the cache key of a user's password and hash.
func (m *memory) key(name, password, hash string) (key digest) {
	// HMAC's extra pass protects against length extension, where attackers see digests and
	// extend them. These digests are never visible, and every request pays for the
	// computation.
	var room [256]byte
	b := append(room[:0], m.secret[:]...)
	for _, s := range [...]string{name, password, hash} {
		// The length prefixes make the encoding of the triple unambiguous.
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	key = sha256.Sum256(b)
	clear(b)
	return key
}

func (m *memory) has(key digest, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.until[key]
	return ok && now.Before(e.Value.(remembered).until)
}

func (m *memory) add(key digest, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.until[key]; ok {
		m.drop(e)
	}
	for e := m.order.Front(); e != nil; e = m.order.Front() {
		if len(m.until) < m.size && now.Before(e.Value.(remembered).until) {
			break
		}
		m.drop(e)
	}
	m.until[key] = m.order.PushBack(remembered{key, now.Add(m.keep)})
}

func (m *memory) drop(e *list.Element) {
	m.order.Remove(e)
	delete(m.until, e.Value.(remembered).key)
}
