package disk

import (
	"context"
	"slices"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Remove deletes the file n and then the directories above it that are empty, if the
// system permits; a process that dies in between leaves them. It needs no free disk
// space. Links, directories and special files are refused and stay. (If another program
// puts a link in the file's place at that very moment, Remove deletes the link, never
// its target.)
//
// If the last step fails, the sync, the object is gone but may reappear after a crash
// of the machine.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.opts.Writable {
		return driver.Unsupported{}.Remove(ctx, n, cond)
	}
	top, err := b.enter(ctx, "remove", n)
	if err == nil {
		defer top.close()
		var changed folder
		if changed, err = b.remove(ctx, top, n, cond); err == nil {
			err = b.syncEntry("remove", top, n, changed)
			changed.close()
		}
	}
	if err != nil {
		return writeError("remove", n, err)
	}
	return nil
}

// remove returns the directory to be synced and closed. Steps that take longer for
// longer names, walking to the directory and removing empty ones, do not hold the write
// lock, which all writers share.
func (b *Backend) remove(ctx context.Context, top folder, n vfs.Name, cond vfs.Cond) (changed folder, err error) {
	for range maxRaces {
		p, err := b.locate("remove", top, n)
		if err != nil {
			return nil, err
		}
		err = b.removeAt(ctx, top, n, cond, p)
		if err == nil {
			return prune(top, p), nil
		}
		p.dir.close()
		if err != errRaced {
			return nil, err
		}
	}
	return nil, errRaced
}

func (b *Backend) removeAt(ctx context.Context, top folder, n vfs.Name, cond vfs.Cond, p *location) error {
	release, err := b.change(ctx, top)
	if err != nil {
		return err
	}
	defer release()
	if err := b.confirm("remove", top, n, p); err != nil {
		return err
	}
	if p.current == nil {
		return driver.Refuse("remove", n, reason.Missing)
	}
	info := p.current.info(n)
	if err := put.Check("remove", n, cond, &info); err != nil {
		return err
	}
	if err := p.dir.unlink(p.elem); err != nil {
		return err
	}
	b.outdate(p.current.mtime)
	return nil
}

// prune removes the empty directories above p. It returns the deepest remaining one
// whose entries have changed.
func prune(top folder, p *location) folder {
	changed := removeUp(top, slices.Collect(p.at.Elements()))
	if changed == nil {
		return p.dir
	}
	p.dir.close()
	return changed
}
