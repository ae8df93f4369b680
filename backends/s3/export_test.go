package s3

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// WithoutRetries returns a client that sends each request once.
func (c *Client) WithoutRetries() *Client {
	once := *c
	once.Client = awss3.New(c.Options(), func(o *awss3.Options) { o.Retryer = aws.NopRetryer{} })
	return &once
}

// OwnRequests reports whether b reads objects with requests of its own.
func (b *Backend) OwnRequests() bool {
	_, ok := b.objects.(*leanClient)
	return ok
}
