// Package s3gateway runs a real S3 server, versitygw on a temporary directory,
// for tests. Only tests may import it. A scripted stub can say what no server
// says; this one says what a server does.
package s3gateway

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
)

// RequireVariable is the environment variable that, set to "1", makes a test
// fail where it would be skipped for want of the server, and lets the first such
// test build it, which takes minutes.
const RequireVariable = "BAILIWICK_REQUIRE_SERVERS"

// A Gateway is a running server. It is safe for concurrent use.
type Gateway struct {
	Endpoint             string // http://127.0.0.1:PORT
	Region               string
	AccessKey, SecretKey string // of the root user, who may do all
	Root                 string // its directory: a bucket is a directory in it, an object a file

	program string
	log     log
}

// Start starts a server of t's own and stops it when t ends. Where there is no
// server to start, it skips t and says how to get one, or fails it, see
// RequireVariable.
func Start(t testing.TB) *Gateway {
	t.Helper()
	required := os.Getenv(RequireVariable) == "1"
	program, err := find(t.Context(), required)
	if err != nil {
		if required {
			t.Fatalf("no S3 server: %v", err)
		}
		t.Skipf("no S3 server: %v; %s=1 builds it once, in some minutes", err, RequireVariable)
	}
	dir := t.TempDir()
	g := &Gateway{
		Region:    "us-east-1",
		AccessKey: "testkey",
		SecretKey: "testsecret12",
		Root:      filepath.Join(dir, "root"),
		program:   program,
		log:       log{file: filepath.Join(dir, "access.log")},
	}
	p, err := g.start(t.Context(), dir)
	if err != nil {
		t.Fatalf("no S3 server: %v", err)
	}
	t.Cleanup(p.stop)
	return g
}

// Client returns a client of the root user, made as the product makes its own.
func (g *Gateway) Client(t testing.TB) *awss3.Client {
	t.Helper()
	return g.ClientOf(t, g.AccessKey, g.SecretKey)
}

// ClientOf returns a client of another user.
func (g *Gateway) ClientOf(t testing.TB, access, secret string) *awss3.Client {
	t.Helper()
	c, err := s3.NewClient(s3.ClientOptions{
		Region:      g.Region,
		Endpoint:    g.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The server ends only when its connections have.
	if idle, ok := c.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
		t.Cleanup(idle.CloseIdleConnections)
	}
	return c
}

// User makes a user who owns nothing and may do nothing, and returns his keys.
func (g *Gateway) User(t testing.TB, access string) (accessKey, secretKey string) {
	t.Helper()
	secret := access + "-secret"
	out, err := exec.CommandContext(t.Context(), g.program, "admin",
		"--access", g.AccessKey, "--secret", g.SecretKey, "--endpoint-url", g.Endpoint,
		"create-user", "--access", access, "--secret", secret, "--role", "user").CombinedOutput()
	if err != nil {
		t.Fatalf("making a user: %v\n%s", err, out)
	}
	return access, secret
}

// Requests returns the requests that the server has answered since the last
// Reset, in order. It writes a request down before it answers it, so whoever has
// the answer finds it here.
func (g *Gateway) Requests(t testing.TB) []Request {
	t.Helper()
	list, err := g.log.read()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Reset forgets the requests so far.
func (g *Gateway) Reset(t testing.TB) {
	t.Helper()
	if err := g.log.reset(); err != nil {
		t.Fatal(err)
	}
}

// A Bucket is a bucket of a Gateway.
type Bucket struct {
	Name   string
	g      *Gateway
	client *awss3.Client
}

// Bucket makes an empty bucket.
func (g *Gateway) Bucket(t testing.TB, name string) *Bucket {
	t.Helper()
	b := &Bucket{Name: name, g: g, client: g.Client(t)}
	if _, err := b.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return b
}

// Put stores an object. An empty content type is left to the server.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, contentType string) error {
	in := &awss3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: bytes.NewReader(data)}
	if contentType != "" {
		in.ContentType = aws.String(contentType)
	}
	_, err := b.client.PutObject(ctx, in)
	return err
}

// Path returns the file in which the server keeps the object.
func (b *Bucket) Path(key string) string {
	return filepath.Join(b.g.Root, b.Name, filepath.FromSlash(key))
}
