package copier

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// same reports whether the target has the object already, and returns what is known of
// both. Where the target has nothing, here is known only if the object is to be moved. With
// missing, the target is known to have nothing.
func (c *copyRun) same(ctx context.Context, t task, missing bool) (same bool, here, there vfs.Info, err error) {
	if !missing {
		there, err = c.target.Head(ctx, t.to, vfs.Request{})
		if err != nil && vfs.ReasonOf(err) == "" {
			return false, here, there, err
		}
		missing = err != nil // Copy reports whether it can be written
	}
	if missing && !c.opts.Move {
		return false, here, there, nil
	}
	if here, err = c.source.Head(ctx, t.from, vfs.Request{}); err == nil && !missing {
		same, err = c.sameObjects(ctx, t, &here, &there)
	}
	return same, here, there, err
}

// sameObjects compares the object with the one at the target.
func (c *copyRun) sameObjects(ctx context.Context, t task, here, there *vfs.Info) (bool, error) {
	buckets := c.source.Caps().Kind == "s3" && c.target.Caps().Kind == "s3"
	switch {
	case here.Size != there.Size:
		return false, nil
	case buckets && here.Encoding != there.Encoding:
		return false, nil // without the coding, clients would be shown compressed bytes
	case c.opts.Checksum:
		return c.sameBytes(ctx, t, here, there)
	case buckets && here.ETag != "" && here.ETag == there.ETag:
		return true, nil
	case c.opts.Move:
		return c.sameBytes(ctx, t, here, there) // times are not enough to remove an object
	case there.ContentTime.IsZero():
		return older(here.ModTime, there.ModTime), nil
	}
	at := here.ContentTime
	if at.IsZero() {
		at = here.ModTime
	}
	if _, ok := (&vfs.Info{ModTime: at}).LastModified(); !ok {
		return c.sameBytes(ctx, t, here, there)
	}
	return keptTime(at, there.ContentTime), nil
}

// keptTime reports whether a copy of what was modified at the time has the time kept: the
// same, or as much of it as the target can keep. File systems count in these steps.
func keptTime(at, kept time.Time) bool {
	for _, step := range [...]time.Duration{1, 100, time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second, 2 * time.Second} {
		if at.Truncate(step).Equal(kept) {
			return true
		}
	}
	return false
}

// older decides for a target that keeps no time but its own: it has the present version if
// that is certainly older, a before b. Two changes within one tick of a clock cannot be
// ordered, and a time without a fraction may have been truncated to its second, as those
// of S3 are.
func older(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return false
	}
	if a.Nanosecond() == 0 {
		a = a.Add(time.Second)
	}
	return a.Before(b)
}

// sameBytes compares the bytes of both objects, up to the first difference. With Options.Move,
// the objects are the versions here and there: it fails with errReplaced if the source has
// another one by now, and another one at the target is not the same.
func (c *copyRun) sameBytes(ctx context.Context, t task, here, there *vfs.Info) (bool, error) {
	ctx = context.WithValue(ctx, uncounted{}, true)
	source, err := c.source.Get(ctx, t.from, vfs.Request{Cond: c.pinned(here)})
	switch {
	case errors.Is(err, vfs.ErrPrecondition):
		return false, errReplaced
	case err != nil:
		return false, err
	}
	defer source.Body.Close()
	target, err := c.target.Get(ctx, t.to, vfs.Request{Cond: c.pinned(there)})
	switch {
	case errors.Is(err, vfs.ErrPrecondition):
		return false, nil
	case err != nil:
		return false, err
	}
	defer target.Body.Close()
	if source.Info.Size != target.Info.Size {
		return false, nil
	}
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for left := source.Info.Size; left > 0; {
		n := min(left, int64(len(a)))
		if _, err := io.ReadFull(source.Body, a[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(target.Body, b[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
		left -= n
	}
	return true, nil
}
