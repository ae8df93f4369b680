package table

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// notePause is how long uses are collected: each share is written once in that time, however
	// often it is used.
	notePause = time.Second
	// maxNoted bounds the shares whose uses wait, which are many only while the store is full
	// or unavailable. Uses of others are lost then.
	maxNoted = 100_000
)

// noted are uses of shares that have not been stored yet.
type noted struct {
	mu     sync.Mutex
	uses   map[uuid.UUID]int64
	timer  *time.Timer // of the next writing, nil for none
	closed bool

	writing sync.Mutex // held while some are written
}

// NoteUse counts a use of a share without a limit.
func (c *Catalog) NoteUse(id uuid.UUID) { c.note(id, 1) }

func (c *Catalog) note(id uuid.UUID, uses int64) {
	n := &c.noted
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.uses[id]; n.closed || !known && len(n.uses) >= maxNoted {
		return
	}
	if n.uses == nil {
		n.uses = map[uuid.UUID]int64{}
	}
	n.uses[id] += uses
	if n.timer == nil {
		n.timer = time.AfterFunc(notePause, c.writeNoted)
	}
}

// writeNoted stores what has been noted. What fails is noted again.
func (c *Catalog) writeNoted() {
	n := &c.noted
	n.writing.Lock()
	defer n.writing.Unlock()
	n.mu.Lock()
	uses := n.uses
	n.uses, n.timer = nil, nil
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	for id, count := range uses {
		_, err := c.exec(ctx, false, `UPDATE {schema}shares SET used = used + $2 WHERE id = $1`, id.String(), count)
		if err != nil {
			c.note(id, count)
		}
	}
}

// closeNoted stores what has been noted, and ends noting.
func (c *Catalog) closeNoted() {
	n := &c.noted
	n.mu.Lock()
	n.closed = true
	if n.timer != nil {
		n.timer.Stop()
	}
	n.mu.Unlock()
	c.writeNoted()
}
