package filestore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"time"
)

// NewBody is driver.NewBody for length bytes from offset on. It returns the error short
// if r ends too early.
func NewBody(ctx context.Context, r io.ReadCloser, offset, length int64, short error) (io.ReadCloser, error) {
	if offset > 0 {
		var err error
		if s, ok := r.(io.Seeker); ok {
			_, err = s.Seek(offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, r, offset)
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return &body{ctx, r, length, short}, nil
}

type body struct {
	ctx   context.Context
	r     io.ReadCloser
	left  int64
	short error
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = b.short
	}
	return n, err
}

func (b *body) Close() error { return b.r.Close() }

// TimeTag is driver.TimeTag.
func TimeTag(salt string, modTime time.Time, size int64) string {
	buf := make([]byte, 0, 64)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(modTime.UnixNano()))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(size))
	buf = append(buf, salt...)
	sum := sha256.Sum256(buf)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
