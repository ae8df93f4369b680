package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// A partSender sends the parts of an upload in the background, several at a time.
type partSender struct {
	*upload
	group *errgroup.Group
	// live ends with the first part that fails, and with stop. No part is started after
	// that.
	live context.Context
	// sending ends some time after live: a part whose connection is cut can arrive
	// after the abort and resurrect the whole upload.
	sending context.Context

	cancel, cut context.CancelFunc // end live and sending
}

func (u *upload) newPartSender() *partSender {
	s := &partSender{upload: u}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(u.ctx)
	s.group, s.live = errgroup.WithContext(ctx)
	s.sending, s.cut = grace(s.live)
	return s
}

// stop ends all sending. When it returns, nothing reads a buffer any more.
func (s *partSender) stop() {
	s.cancel()
	_ = s.group.Wait()
	s.cut()
}

// sendParts reads the body and sends it, several parts at a time. The first part is the
// first n bytes of buf.
func (u *upload) sendParts(s *partSender, buf []byte, n int) error {
	for i := 0; ; i++ {
		if i == maxParts || u.size > maxObject {
			return u.fail(errTooLarge)
		}
		s.start(int32(i+1), buf, n)
		if u.body.ended() {
			break
		}
		if buf = s.buffer(int(partSize(u.buffers.part, i+1, u.opts))); buf == nil {
			break
		}
		var err error
		if n, err = u.read(buf); s.live.Err() != nil {
			break
		} else if err != nil {
			return err
		}
	}
	if err := s.group.Wait(); err != nil {
		return u.refused(err)
	}
	return nil
}

// start sends a part in the background, and then returns the buffer.
func (s *partSender) start(number int32, buf []byte, n int) {
	part := &types.CompletedPart{PartNumber: &number}
	s.parts = append(s.parts, part)
	s.group.Go(func() error {
		defer func() { s.free <- buf }()
		return s.sendPart(part, buf[:n])
	})
}

func (s *partSender) sendPart(part *types.CompletedPart, data []byte) error {
	if err := s.acquireWithin(s.live, s.wait); err != nil {
		return err
	}
	defer s.release()
	// Set the checksum here: the client would send it after the body, in a form that
	// many services do not support.
	part.ChecksumCRC32 = aws.String(crc32Of(data))
	return s.sendBody(s.sending, data, func(ctx context.Context, p *payload) error {
		out, err := s.api.UploadPart(ctx, &awss3.UploadPartInput{
			Bucket:              &s.bucket,
			Key:                 &s.key,
			ExpectedBucketOwner: s.owner,
			UploadId:            &s.id,
			PartNumber:          part.PartNumber,
			Body:                p,
			ContentLength:       aws.Int64(int64(len(data))),
			ChecksumCRC32:       part.ChecksumCRC32,
		})
		if err != nil {
			return err
		}
		part.ETag = out.ETag
		return nil
	})
}

// crc32Of returns the checksum in S3's spelling.
func crc32Of(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}

// buffer returns a buffer of size bytes for the next part, or nil if a part failed.
func (s *partSender) buffer(size int) []byte {
	if size != s.length {
		for range s.own {
			s.buffers.put(<-s.free)
		}
		s.releaseSpares()
		s.own, s.length = 0, size
	}
	select {
	case buf := <-s.free:
		return buf
	default:
	}
	if s.mayGrow() {
		s.own++
		return s.buffers.get(size)
	}
	select {
	case buf := <-s.free:
		return buf
	case <-s.live.Done():
		return nil
	}
}

// mayGrow reports whether u may use one more buffer.
func (u *upload) mayGrow() bool {
	switch {
	case u.own == 0:
		return true
	case (u.own+1)*u.length > partBuffers*u.buffers.part:
		return false
	}
	select {
	case u.buffers.spare <- struct{}{}:
		u.spares++
		return true
	default:
		return false
	}
}

// releaseBuffers returns the buffers that were sent. A buffer that was passed to a
// failed body is left to the garbage collector.
func (u *upload) releaseBuffers() {
	for range len(u.free) {
		u.buffers.put(<-u.free)
	}
	u.releaseSpares()
}

func (u *upload) releaseSpares() {
	for ; u.spares > 0; u.spares-- {
		<-u.buffers.spare
	}
}

// A liveReader stops reading once a part has failed.
type liveReader struct {
	live context.Context
	r    io.Reader
}

func (l *liveReader) Read(p []byte) (int, error) {
	if err := l.live.Err(); err != nil {
		return 0, err
	}
	return l.r.Read(p)
}
