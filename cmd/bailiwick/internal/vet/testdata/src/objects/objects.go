// Package objects asks S3.
package objects

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
)

func get(ctx context.Context, c *s3.Client, r *http.Request) {
	c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("files/" + r.URL.Path)}) // want `BW011: s3.GetObjectInput.Key`
	key := r.FormValue("k")
	c.PutObject(ctx, &s3.PutObjectInput{Key: &key}) // want `BW011: s3.PutObjectInput.Key`
	c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("fixed")})
	if id, err := uuid.Parse(r.PathValue("id")); err == nil {
		c.GetObject(ctx, &s3.GetObjectInput{Key: aws.String(id.String())})
	}
}

func ofMinio(ctx context.Context, c *minio.Client, r *http.Request) {
	c.GetObject(ctx, "b", r.PathValue("k"), minio.GetObjectOptions{}) // want `BW011: .*minio-go.Client.GetObject`
	c.GetObject(ctx, "b", "fixed", minio.GetObjectOptions{})
}
