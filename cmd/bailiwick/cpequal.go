package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// same reports whether the target has the object already.
func (c *copying) same(ctx context.Context, t task) (bool, error) {
	there, _, err := c.to.Head(ctx, t.to, vfs.Request{})
	if err != nil {
		if vfs.ReasonOf(err) != "" {
			err = nil // whether it can be written is for Copy to say
		}
		return false, err
	}
	here, _, err := c.from.Head(ctx, t.from, vfs.Request{})
	buckets := c.from.Caps().Kind == "s3" && c.to.Caps().Kind == "s3"
	switch {
	case err != nil || here.Size != there.Size:
		return false, err
	case buckets && here.Encoding != there.Encoding:
		return false, nil // a copy that lost it is shown compressed
	case bool(c.flags.checksum):
		return c.sameBytes(ctx, t)
	case buckets && here.ETag != "" && here.ETag == there.ETag:
		return true, nil
	}
	return older(here.ModTime, there.ModTime), nil
}

// older reports whether what was changed at a was certainly not changed after b:
// within one tick of a clock, nobody knows. A time without a fraction may be one
// that was cut down to its second, as S3's are.
func older(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return false
	}
	if a.Nanosecond() == 0 {
		a = a.Add(time.Second)
	}
	return a.Before(b)
}

// sameBytes reads both objects as far as they are the same.
func (c *copying) sameBytes(ctx context.Context, t task) (bool, error) {
	here, err := c.from.Get(ctx, t.from, vfs.Request{})
	if err != nil {
		return false, err
	}
	defer here.Body.Close()
	there, err := c.to.Get(ctx, t.to, vfs.Request{})
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
