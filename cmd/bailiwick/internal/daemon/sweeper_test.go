package daemon

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A reload that permits longer uploads also applies to the sweeper that it takes over, and
// one that permits only shorter ones does not: those that run began before it.
func TestSweeperLearnsOfLongerUploads(t *testing.T) {
	g := s3gateway.Start(t)
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": g.AccessKey, "AWS_SECRET_ACCESS_KEY": g.SecretKey, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"), "AWS_CA_BUNDLE": "",
	} {
		t.Setenv(key, value)
	}
	bucket, client := g.Bucket(t, "uploads"), g.Client(t)
	key := "in/" + uuid.NewString() // without a row
	if _, err := client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket.Name, Key: &key}); err != nil {
		t.Fatal(err)
	}

	p := newPool(cli.Streams{Err: io.Discard}, cli.NewEnv(nil), nil)
	source, err := p.source(t.Context(), &config.Mount{
		Source:  config.Source(fmt.Sprintf("s3://uploads/in?endpoint=%s&region=%s&path_style=true", g.Endpoint, g.Region)),
		Uploads: &config.Uploads{},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer source.release()
	where := "sqlite:" + filepath.Join(t.TempDir(), "c.db")
	for _, step := range []struct{ longest, age, left int }{
		{1, 0, 1},
		{12, 5, 1},
		{1, 5, 1},
		{12, 14, 0},
	} {
		c, err := p.catalog(t.Context(), where, source, time.Duration(step.longest)*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		defer c.release()
		dirs, err := filepath.Glob(filepath.Join(bucket.Path(".sgwtmp/multipart"), "*/*"))
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now().Add(-time.Duration(step.age) * time.Hour)
		for _, dir := range dirs {
			if err := os.Chtimes(dir, begun, begun); err != nil {
				t.Fatal(err)
			}
		}
		c.sweeper.sweep(t.Context())
		out, err := client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &bucket.Name})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(out.Uploads); n != step.left {
			t.Errorf("uploads take up to %dh, and one began %dh ago: %d are left, want %d", step.longest, step.age, n, step.left)
		}
	}
}
