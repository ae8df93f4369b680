package copier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The errors for an object that was not removed from the source.
var (
	errOtherCopy  = errors.New("the object at the target is not the one just written, so the source was kept; run mv again")
	errChanged    = errors.New("it changed during the move, so the source was kept, and the target has the earlier content; run mv again")
	errReplaced   = errors.New("it changed during the move, so the source was kept; run mv again")
	errSameFile   = errors.New("the file at the target is this very file, so the source was kept; remove one of the two names")
	errIntoItself = errors.New("its directory at the target is the source itself under another path, so it was not copied")
	errUntagged   = errors.New("the source was kept, because it gives no entity tag to check that it is unchanged")
)

// losesCoding returns the error for an object whose content coding the target cannot record.
func losesCoding(coding string) error {
	return fmt.Errorf("it is stored compressed (%s), which the target cannot record, so the source was kept; copy it with bailiwick cp", cli.Printable(coding))
}

// removeMoved removes an object from the source, here as it was before the copy, if the
// target still has the copy there. Only the version that was copied is removed, so an object
// without an entity tag stays. If the target has none, the bytes are compared.
func (c *copyRun) removeMoved(ctx context.Context, t task, here, there *vfs.Info) error {
	if c.opts.DryRun {
		return nil
	}
	now, err := c.target.Head(ctx, t.to, vfs.Request{})
	switch {
	case err != nil && vfs.ReasonOf(err) == "":
		return err
	case err != nil || now.Size != here.Size || now.ETag != there.ETag:
		return errOtherCopy
	case here.ETag == "":
		return errUntagged
	case c.opts.Checksum || now.ETag == "":
		same, err := c.sameBytes(ctx, t, here, &now)
		if err != nil {
			return err
		}
		if !same {
			return errOtherCopy
		}
	}
	_, err = c.source.Remove(ctx, t.from, versionOf(here))
	if errors.Is(err, vfs.ErrPrecondition) {
		return errChanged
	}
	return err
}

// versionOf returns the condition that an object is the version that info describes. Nothing
// meets it without an entity tag.
func versionOf(info *vfs.Info) vfs.Cond {
	return vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}}
}

// pinned returns the condition under which an object is read for a move. It is not enough that
// the entity tag is the same before and after: on S3, an object that is replaced and then put
// back has its former tag again. An object without a tag can be read, and stays.
func (c *copyRun) pinned(info *vfs.Info) vfs.Cond {
	if !c.opts.Move || info.ETag == "" {
		return vfs.Cond{}
	}
	return versionOf(info)
}

// sameFile reports whether the object at the target is the file of the source itself, found
// by another path, so that removing one can remove both.
func (c *copyRun) sameFile(t task) bool {
	if c.from == nil || c.to == nil || !backends.IsPath(c.from.source) || !backends.IsPath(c.to.source) {
		return false
	}
	a, err1 := os.Lstat(filepath.Join(c.from.source, filepath.FromSlash(t.from.String())))
	b, err2 := os.Lstat(filepath.Join(c.to.source, filepath.FromSlash(t.to.String())))
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// intoItself reports whether n lies below a directory of the target that is the source
// itself, such as a bind mount.
func (c *copyRun) intoItself(n vfs.Name) bool {
	if c.from == nil || c.to == nil || c.from.single() || !backends.IsPath(c.from.source) || !backends.IsPath(c.to.source) {
		return false
	}
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		is, known := c.itself.Load(dir)
		if !known {
			a, err1 := os.Lstat(filepath.Join(c.to.source, filepath.FromSlash(dir.String())))
			b, err2 := os.Stat(c.from.source)
			is = err1 == nil && err2 == nil && os.SameFile(a, b)
			c.itself.Store(dir, is)
		}
		if is.(bool) {
			return true
		}
	}
	return false
}
