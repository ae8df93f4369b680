package minio

import "context"

type Client struct{}
type GetObjectOptions struct{}
type Object struct{}

func (*Client) GetObject(context.Context, string, string, GetObjectOptions) (*Object, error) {
	return nil, nil
}
