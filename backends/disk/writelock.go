package disk

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// patience is how long a change waits for other processes. They hold the lock far more
// briefly, but anyone who may read the root can hold it.
const patience = 30 * time.Second

// takeWriteLock returns once no other call, of this Backend or in another process,
// changes names below the root; none will until release is called. Only other programs
// can then interfere between a check and a change. If the file system has no locks,
// this holds only within this Backend.
func (b *Backend) takeWriteLock(ctx context.Context, top folder) (release func(), err error) {
	select {
	case b.writeLock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := waitForLock(ctx, top); err != nil {
		<-b.writeLock
		return nil, err
	}
	return func() {
		top.unlock()
		<-b.writeLock
	}, nil
}

// change takes the write lock, and keeps Close from returning until release is called.
func (b *Backend) change(ctx context.Context, top folder) (release func(), err error) {
	b.life.RLock()
	if b.closed {
		b.life.RUnlock()
		return nil, fs.ErrClosed
	}
	leave, err := b.takeWriteLock(ctx, top)
	if err != nil {
		b.life.RUnlock()
		return nil, err
	}
	return func() {
		leave()
		b.life.RUnlock()
	}, nil
}

// waitForLock polls: a blocking call could not be canceled.
func waitForLock(ctx context.Context, top folder) error {
	giveUp := time.NewTimer(patience)
	defer giveUp.Stop()
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		err := top.lock()
		switch err {
		case nil, errLockless:
			return nil
		case errLocked:
		default:
			return err
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		case <-giveUp.C:
			again.Stop()
			return errors.Join(vfs.ErrUnavailable, errLocked)
		}
	}
}
