package s3

import (
	"context"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Remove deletes the object n with one HeadObject, since S3 reports success even if
// there is no object, and one DeleteObject. Directories disappear by themselves. In a
// bucket with versioning, the object gets a delete marker and can be restored by anyone
// with permission.
//
// Under a condition, S3 deletes only the version that was checked. Not every service
// supports that: MinIO ignores it and also deletes a version that arrives between the
// two requests.
//
// If the object disappears during Remove, that is a success. Lost answers are handled
// as in Put.
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
		return driver.Refuse("remove", n, reason.Missing)
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
