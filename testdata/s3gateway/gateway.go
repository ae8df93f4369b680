// Package s3gateway runs a real S3 server, versitygw on a temporary directory, for
// tests and benchmarks. Only they may import it. Use a scripted stub for responses that a real server
// does not give, and this server for those that it does.
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

// RequireVariable is the environment variable that, if set to "1", makes a test fail
// instead of being skipped if the server is missing, and makes the first such test build
// it, which takes minutes.
const RequireVariable = "BAILIWICK_REQUIRE_SERVERS"

// A Gateway is a running server. It is safe for concurrent use.
type Gateway struct {
	Endpoint             string // http://127.0.0.1:PORT
	Region               string
	AccessKey, SecretKey string // of the root user, who has all permissions
	Root                 string // its directory: each bucket is a subdirectory, each object a file

	program string
	log     log
	process *process
}

// Start starts a server for t and stops it when t ends. If the server is not installed,
// Start skips t and reports how to get it, or fails t; see RequireVariable.
func Start(t testing.TB) *Gateway {
	t.Helper()
	required := os.Getenv(RequireVariable) == "1"
	program, err := find(t.Context(), required)
	if err != nil {
		if required {
			t.Fatalf("no S3 server: %v", err)
		}
		t.Skipf("no S3 server: %v; %s=1 builds it once, which takes minutes", err, RequireVariable)
	}
	g, err := launch(t.Context(), program, t.TempDir())
	if err != nil {
		t.Fatalf("no S3 server: %v", err)
	}
	t.Cleanup(g.Stop)
	return g
}

// Launch starts a server with its files in the directory dir, for programs that are not
// tests. It builds the server if it is not installed, which takes minutes. The caller
// must Stop it.
func Launch(ctx context.Context, dir string) (*Gateway, error) {
	program, err := find(ctx, true)
	if err != nil {
		return nil, err
	}
	return launch(ctx, program, dir)
}

func launch(ctx context.Context, program, dir string) (*Gateway, error) {
	g := &Gateway{
		Region:    "us-east-1",
		AccessKey: "testkey",
		SecretKey: "testsecret12",
		Root:      filepath.Join(dir, "root"),
		program:   program,
		log:       log{file: filepath.Join(dir, "access.log")},
	}
	var err error
	if g.process, err = g.start(ctx, dir); err != nil {
		return nil, err
	}
	return g, nil
}

// Stop ends the server and waits until it has ended. It may be called twice.
func (g *Gateway) Stop() { g.process.stop() }

// Version returns the name and version of the server's program.
func (g *Gateway) Version() string { return filepath.Base(g.program) }

// PID returns the server's process id.
func (g *Gateway) PID() int { return g.process.cmd.Process.Pid }

// Client returns a client of the root user, created as in production.
func (g *Gateway) Client(t testing.TB) *s3.Client {
	t.Helper()
	return g.ClientOf(t, g.AccessKey, g.SecretKey)
}

// ClientOf returns a client of another user.
func (g *Gateway) ClientOf(t testing.TB, access, secret string) *s3.Client {
	t.Helper()
	c, err := s3.NewClient(s3.ClientOptions{
		Region:      g.Region,
		Endpoint:    g.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The server ends only when its connections are closed.
	if idle, ok := c.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
		t.Cleanup(idle.CloseIdleConnections)
	}
	return c
}

// User creates a user without permissions, and returns the user's keys.
func (g *Gateway) User(t testing.TB, access string) (accessKey, secretKey string) {
	t.Helper()
	secret := access + "-secret"
	out, err := exec.CommandContext(t.Context(), g.program, "admin",
		"--access", g.AccessKey, "--secret", g.SecretKey, "--endpoint-url", g.Endpoint,
		"create-user", "--access", access, "--secret", secret, "--role", "user").CombinedOutput()
	if err != nil {
		t.Fatalf("creating a user: %v\n%s", err, out)
	}
	return access, secret
}

// Requests returns the requests that the server has processed since the last Reset, in
// order. The server logs a request before it responds, so a request whose response has
// arrived is included.
func (g *Gateway) Requests(t testing.TB) []Request {
	t.Helper()
	list, err := g.ReadLog()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// ReadLog is Requests for programs that are not tests.
func (g *Gateway) ReadLog() ([]Request, error) { return g.log.read() }

// Reset forgets the requests so far.
func (g *Gateway) Reset(t testing.TB) {
	t.Helper()
	if err := g.ResetLog(); err != nil {
		t.Fatal(err)
	}
}

// ResetLog is Reset for programs that are not tests.
func (g *Gateway) ResetLog() error { return g.log.reset() }

// A Bucket is a bucket of a Gateway.
type Bucket struct {
	Name   string
	g      *Gateway
	client *s3.Client
}

// Bucket creates an empty bucket.
func (g *Gateway) Bucket(t testing.TB, name string) *Bucket {
	t.Helper()
	b := &Bucket{Name: name, g: g, client: g.Client(t)}
	if _, err := b.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return b
}

// Put stores an object. If the content type is empty, the server chooses one.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, contentType string) error {
	in := &awss3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: bytes.NewReader(data)}
	if contentType != "" {
		in.ContentType = aws.String(contentType)
	}
	_, err := b.client.PutObject(ctx, in)
	return err
}

// Path returns the file in which the server stores the object.
func (b *Bucket) Path(key string) string {
	return filepath.Join(b.g.Root, b.Name, filepath.FromSlash(key))
}
