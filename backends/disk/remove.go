package disk

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Remove deletes the file n, and the directories above it that are empty then, as
// far as the system lets it; a process that dies in between leaves them. It needs
// no room on the disk. Links, directories and special files are refused and
// stay. (If another program puts a link in the file's place in the very moment,
// it is the link that goes, and never what it leads to.)
//
// Where the last step fails, the disk's word that the change will last, the
// object is gone and may come back when the machine crashes.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.opts.Writable {
		return vfs.Unsupported{}.Remove(ctx, n, cond)
	}
	top, err := b.enter(ctx, "remove", n)
	if err == nil {
		defer top.close()
		var changed folder
		if changed, err = b.remove(ctx, top, n, cond); err == nil {
			err = changed.sync()
			changed.close()
		}
	}
	if err != nil {
		return writeError("remove", n, err)
	}
	return nil
}

// remove returns the directory that is to be synced and closed.
func (b *Backend) remove(ctx context.Context, top folder, n vfs.Name, cond vfs.Cond) (changed folder, err error) {
	release, err := b.change(ctx, top)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := b.locate("remove", top, n)
	if err != nil {
		return nil, err
	}
	if p.current == nil {
		err = refuse("remove", n, vfs.ReasonMissing)
	} else {
		info := p.current.info(n)
		err = put.Check("remove", n, cond, &info)
	}
	if err == nil {
		err = p.dir.unlink(p.elem)
	}
	if err != nil {
		p.dir.close()
		return nil, err
	}
	b.outdate(p.current.mtime)
	return prune(top, n, p.dir), nil
}

// prune removes the directories above n that are empty. dir is that of n; what
// it returns is the deepest one whose entries have changed and that is left.
// Each is looked up anew from the top, since a name can have hundreds.
func prune(top folder, n vfs.Name, dir folder) folder {
	for at := n.Dir(); !at.IsRoot(); at = at.Dir() {
		above, missing, err := walkDown("remove", top, n, at.Dir())
		if err != nil {
			return dir
		}
		if missing != nil || above.rmdir(at.Base()) != nil {
			above.close()
			return dir
		}
		dir.close()
		dir = above
	}
	return dir
}
