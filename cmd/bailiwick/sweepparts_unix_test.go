//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A partBucket is a bucket with multipart uploads. A server stores its uploads at the top.
type partBucket struct {
	uploadPlace
	bucket *s3gateway.Bucket
	client *awss3.Client
}

func newPartBucket(t *testing.T) *partBucket {
	t.Helper()
	isolateAWS(t)
	g := s3gateway.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
	return &partBucket{
		uploadPlace: uploadPlace{name: "s3", source: "s3://uploads" + at(g), catalog: "sqlite:" + filepath.Join(t.TempDir(), "c.db")},
		bucket:      g.Bucket(t, "uploads"),
		client:      g.Client(t).Client,
	}
}

// begin begins a multipart upload of another program.
func (b *partBucket) begin(t *testing.T, key string) {
	t.Helper()
	if _, err := b.client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &b.bucket.Name, Key: &key}); err != nil {
		t.Fatal(err)
	}
}

// keys returns the keys of all multipart uploads, in order.
func (b *partBucket) keys(t *testing.T) []string {
	t.Helper()
	out, err := b.client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &b.bucket.Name})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	slices.Sort(keys)
	return keys
}

// setAge makes all multipart uploads begin that long ago.
func (b *partBucket) setAge(t *testing.T, age time.Duration) {
	t.Helper()
	for _, dir := range b.glob(t, "*/*") {
		begun := time.Now().Add(-age)
		if err := os.Chtimes(dir, begun, begun); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// glob returns the gateway's own files of multipart uploads: KEY/UPLOAD/PART.
func (b *partBucket) glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(b.bucket.Path(".sgwtmp/multipart"), pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// slow starts an upload to p, and returns it and its key once a part has been stored.
func (b *partBucket) slow(t *testing.T, p *process) (u *slowUpload, key string) {
	t.Helper()
	u = startSlow(t, p, 1)
	eventually(t, func() string {
		if parts := b.glob(t, "*/*/1"); len(parts) != 1 {
			return fmt.Sprintf("%d parts are stored, want 1", len(parts))
		}
		return ""
	})
	keys := b.keys(t)
	if len(keys) != 1 || !uploadName.MatchString(keys[0]) {
		t.Fatalf("the server's upload is %q", keys)
	}
	return u, keys[0]
}

// foreign are keys of other programs in the bucket.
var foreign = []string{"backups/" + uuid.NewString(), "backups/x", "image.iso", strings.ToUpper(uuid.NewString())}

// TestSweepSparesRunning: a sweep aborts neither an upload that runs, however long ago it
// began, nor uploads of other programs that use the bucket. It aborts those without a row.
func TestSweepSparesRunning(t *testing.T) {
	for _, by := range []string{"command", "server"} {
		t.Run(by, func(t *testing.T) {
			b := newPartBucket(t)
			p := b.serve(t)
			u, running := b.slow(t, p)
			orphan := uuid.NewString()
			for _, key := range append([]string{orphan}, foreign...) {
				b.begin(t, key)
			}
			want := append([]string{running}, foreign...)
			slices.Sort(want)
			if by == "command" {
				b.setAge(t, 90*time.Minute) // the server's age is 2h
				code, _, said := runCommand(t, "catalog", "sweep", b.source, "--catalog", b.catalog)
				if code != 0 || said != "swept: 0 uploads, 1 upload in parts\n" {
					t.Errorf("sweep: exit %d, %s", code, said)
				}
			} else {
				b.setAge(t, 3*time.Hour)
				b.serve(t) // sweeps at its start
			}
			if keys := b.keys(t); !slices.Equal(keys, want) {
				t.Errorf("after the sweep, the uploads %q are left, want %q", keys, want)
			}
			files, status, err := u.end()
			if err != nil || status != http.StatusCreated || files[0].SHA256 != u.sum {
				t.Errorf("the upload ended with %d, %+v, %v", status, files, err)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}
