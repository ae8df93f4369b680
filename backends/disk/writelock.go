package disk

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// patience is how long a change waits for other processes. They hold the lock for
// far less, but anyone who may read the root can hold it.
const patience = 30 * time.Second

// takeWriteLock returns once no other call, of this Backend or of another process's,
// changes names below the root, and until release is called none will. Only other
// programs can then come between a check and a change. Where the file system has no
// locks, that holds within this Backend alone.
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

// waitForLock asks again and again: a call that waits could not be cancelled.
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
