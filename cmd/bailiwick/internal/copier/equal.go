package copier

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// same reports whether the target has the object already.
func (c *copyRun) same(ctx context.Context, t task) (bool, error) {
	there, err := c.target.Head(ctx, t.to, vfs.Request{})
	if err != nil {
		if vfs.ReasonOf(err) != "" {
			err = nil // Copy reports whether it can be written
		}
		return false, err
	}
	here, err := c.source.Head(ctx, t.from, vfs.Request{})
	buckets := c.source.Caps().Kind == "s3" && c.target.Caps().Kind == "s3"
	switch {
	case err != nil || here.Size != there.Size:
		return false, err
	case buckets && here.Encoding != there.Encoding:
		return false, nil // without the coding, clients would be shown compressed bytes
	case c.opts.Checksum:
		return c.sameBytes(ctx, t)
	case buckets && here.ETag != "" && here.ETag == there.ETag:
		return true, nil
	}
	return older(here.ModTime, there.ModTime), nil
}

// older reports whether a is certainly before b. Two changes within one tick of a clock
// cannot be ordered, and a time without a fraction may have been truncated to its second,
// as those of S3 are.
func older(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return false
	}
	if a.Nanosecond() == 0 {
		a = a.Add(time.Second)
	}
	return a.Before(b)
}

// sameBytes compares the bytes of both objects, up to the first difference.
func (c *copyRun) sameBytes(ctx context.Context, t task) (bool, error) {
	here, err := c.source.Get(ctx, t.from, vfs.Request{})
	if err != nil {
		return false, err
	}
	defer here.Body.Close()
	there, err := c.target.Get(ctx, t.to, vfs.Request{})
	if err != nil {
		return false, err
	}
	defer there.Body.Close()
	if here.Info.Size != there.Info.Size {
		return false, nil
	}
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for left := here.Info.Size; left > 0; {
		n := min(left, int64(len(a)))
		if _, err := io.ReadFull(here.Body, a[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(there.Body, b[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
		left -= n
	}
	return true, nil
}
