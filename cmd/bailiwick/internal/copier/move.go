package copier

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The errors of an object that was copied and stays in the source.
var (
	errOtherCopy = errors.New("the target has another object than the one just written; the source keeps it")
	errChanged   = errors.New("it was changed while it was moved; the source keeps it, and the target has a copy")
)

// removeMoved removes an object from the source, here as it was before the copy, if the
// target still has the copy there. Only the version that was copied is removed.
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
	case c.opts.Checksum:
		same, err := c.sameBytes(ctx, t)
		if err != nil {
			return err
		}
		if !same {
			return errOtherCopy
		}
	}
	var cond vfs.Cond
	if here.ETag != "" {
		cond.IfMatch = vfs.Tags{List: []vfs.Tag{{Value: here.ETag, Set: true}}}
	}
	_, err = c.source.Remove(ctx, t.from, cond)
	if errors.Is(err, vfs.ErrPrecondition) {
		return errChanged
	}
	return err
}
