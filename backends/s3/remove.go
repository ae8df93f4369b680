package s3

import (
	"context"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Remove deletes the object n: one HeadObject, since S3 calls it a success also
// where nothing is there, and one DeleteObject. Directories vanish by themselves.
// In a bucket that keeps versions, the object gets a delete marker, and who may
// can bring it back.
//
// Under a condition, S3 deletes the version only that was looked at. Not every
// service heeds that: MinIO ignores it, and there a version that comes between
// the two requests is deleted as well.
//
// If the object vanishes while Remove is under way, that is a success. An answer
// that got lost is looked after as Put does.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.writable {
		return driver.Unsupported{}.Remove(ctx, n, cond)
	}
	c, err := b.change(ctx, "remove", n, cond)
	if err != nil {
		return err
	}
	current, _, err := c.see(ctx)
	if err != nil {
		return err
	}
	if current == nil {
		return refuse("remove", n, reason.Missing)
	}
	if err := c.decide(current); err != nil {
		return err
	}
	_, err = c.commit(func(ctx context.Context, held clause) (*string, error) {
		_, err := b.api.DeleteObject(ctx, &awss3.DeleteObjectInput{
			Bucket:              &b.bucket,
			Key:                 &c.key,
			ExpectedBucketOwner: b.owner,
			IfMatch:             held.ifMatch(),
		})
		return nil, err
	})
	return err
}
