package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// maxSweeps is how often one SweepUploads lists from the start: some servers lose what
// follows a page that ends between two uploads of one key.
const maxSweeps = 100

// SweepUploads aborts the multipart uploads below the backend's prefix that began more
// than olderThan ago, by this machine's clock, and whose name abandoned selects, and
// returns how many it aborted. A process that is killed during a Put leaves one; its parts
// are invisible, but cost money.
//
// Uploads do not tell who began them or whether they are still in progress. A caller that
// knows says so in abandoned, which is called when the upload has been listed, so a Put
// that is recorded before it begins is found by then. If abandoned returns an error,
// SweepUploads ends with it. If abandoned is nil, only the age decides: olderThan must be
// longer than the longest Put of anyone who writes below the prefix, other programs
// included. Uploads of keys that are not valid names are left alone.
//
// If one cannot be aborted, SweepUploads continues, and then returns the first such
// error. A bucket's lifecycle rule AbortIncompleteMultipartUpload does the same without
// calls.
func (b *Backend) SweepUploads(ctx context.Context, olderThan time.Duration, abandoned func(context.Context, vfs.Name) (bool, error)) (int, error) {
	if !b.writable {
		return 0, &vfs.Error{Op: "sweep", Name: vfs.Root.String(), Err: vfs.ErrUnsupported}
	}
	if olderThan < 0 {
		return 0, errors.New("s3: an age is negative")
	}
	before := time.Now().Add(-olderThan)
	s := &sweep{b: b, ctx: ctx, prefix: b.prefix, tried: map[string]bool{}}
	s.means = func(key string, begun time.Time) bool {
		rest, below := strings.CutPrefix(key, b.prefix)
		if !below || begun.After(before) {
			return false
		}
		n, err := vfs.ParseName(rest)
		if err != nil || abandoned == nil {
			return err == nil
		}
		meant, err := abandoned(ctx, n)
		s.unsure = err
		return meant && err == nil
	}
	return s.run(vfs.Root)
}

// AbortUploads aborts the multipart uploads of n, whatever their age, and returns how
// many it aborted. Use it for names with a single writer that is known to be dead: a
// completion that is still in transit then fails, too.
func (b *Backend) AbortUploads(ctx context.Context, n vfs.Name) (int, error) {
	if !b.writable {
		return 0, &vfs.Error{Op: "sweep", Name: n.String(), Err: vfs.ErrUnsupported}
	}
	own, err := b.key("sweep", n)
	if err != nil {
		return 0, err
	}
	s := &sweep{b: b, ctx: ctx, prefix: own, tried: map[string]bool{}}
	s.means = func(key string, _ time.Time) bool { return key == own }
	return s.run(n)
}

type sweep struct {
	b       *Backend
	ctx     context.Context
	prefix  string // of all selected keys
	means   func(key string, begun time.Time) bool
	tried   map[string]bool // by upload id
	aborted int
	failed  error // the first
	unsure  error // means could not tell: nothing more is aborted
}

// run returns the number of aborted uploads. Its errors name n.
func (s *sweep) run(n vfs.Name) (int, error) {
	for range maxSweeps {
		again, err := s.pass()
		if s.unsure != nil {
			return s.aborted, s.unsure
		}
		if err != nil {
			return s.aborted, failure(s.ctx, "sweep", n, err)
		}
		if !again {
			break
		}
	}
	if s.failed != nil {
		return s.aborted, failure(s.ctx, "sweep", n, s.failed)
	}
	return s.aborted, nil
}

// pass visits all uploads. again is set if there may be others.
func (s *sweep) pass() (again bool, _ error) {
	in := &awss3.ListMultipartUploadsInput{
		Bucket:              &s.b.bucket,
		ExpectedBucketOwner: s.b.owner,
		MaxUploads:          aws.Int32(1000),
		// XML cannot represent every character of a key.
		EncodingType: types.EncodingTypeUrl,
	}
	if s.prefix != "" {
		in.Prefix = &s.prefix
	}
	found, pages := false, 0
	for {
		out, err := s.list(in)
		if err != nil {
			return false, err
		}
		pages++
		for _, u := range out.Uploads {
			found = s.visit(u, out.EncodingType) || found
			if s.unsure != nil {
				return false, s.unsure
			}
		}
		if err := s.ctx.Err(); err != nil {
			return false, err
		}
		if !aws.ToBool(out.IsTruncated) {
			return found && pages > 1, nil
		}
		key, id := decoded(out.EncodingType, out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)
		if key == "" || key == aws.ToString(in.KeyMarker) && id == aws.ToString(in.UploadIdMarker) {
			return false, errToken
		}
		in.KeyMarker, in.UploadIdMarker = &key, out.NextUploadIdMarker
	}
}

// list sends one request. A 404 concerns the bucket.
func (s *sweep) list(in *awss3.ListMultipartUploadsInput) (*awss3.ListMultipartUploadsOutput, error) {
	if err := s.b.acquireWithin(s.ctx, finishWait); err != nil {
		return nil, err
	}
	defer s.b.release()
	out, err := s.b.api.ListMultipartUploads(s.ctx, in)
	if a := answerOf(err); err != nil && a.kind() == kindMissing {
		return nil, describe(a, vfs.ErrUnavailable, err)
	}
	return out, err
}

// visit aborts u if it is selected, and reports whether it tried.
func (s *sweep) visit(u types.MultipartUpload, encoding types.EncodingType) bool {
	key, id := decoded(encoding, u.Key), aws.ToString(u.UploadId)
	if id == "" || s.tried[id] || u.Initiated == nil || !s.means(key, *u.Initiated) || s.ctx.Err() != nil {
		return false
	}
	s.tried[id] = true
	err := s.b.acquireWithin(s.ctx, finishWait)
	if err == nil {
		err = s.b.abortUpload(s.ctx, key, id)
		s.b.release()
	}
	switch {
	case err == nil:
		s.aborted++
	case answerOf(err).status == http.StatusNotFound: // it has ended since
	case s.failed == nil:
		s.failed = fmt.Errorf("aborting an upload: %w", err)
	}
	return true
}
