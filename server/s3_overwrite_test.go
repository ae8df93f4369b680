package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// The versions of the object differ in every byte.
const (
	versionSize = 24 << 20
	versions    = "AB"
	leastSwaps  = 6
	mostReads   = 200 // per reader
)

// TestS3Overwrite replaces an object's two versions by each other while clients read all of
// it and ranges. No response may have bytes of both. The control reads two ranges without a
// precondition. It must see both versions; otherwise nothing was replaced in the meantime.
func TestS3Overwrite(t *testing.T) {
	g := s3gateway.Start(t)
	b := g.Bucket(t, "swapped")
	bodies := map[byte][]byte{}
	for _, v := range []byte(versions) {
		bodies[v] = bytes.Repeat([]byte{v}, versionSize)
	}
	if err := b.Put(t.Context(), "pub/film.bin", bodies['A'], ""); err != nil {
		t.Fatal(err)
	}
	s3client := g.Client(t)
	srv := httptest.NewServer(server.New(jailOver(t, bucketBackend(t, s3client, b, "pub"), allow("*.bin")), server.Config{Logger: quiet}))
	defer srv.Close()

	var swaps, whole, aborted, mixedControl atomic.Int64
	seen := map[byte]*atomic.Int64{'A': {}, 'B': {}}
	ctx, stop := context.WithCancel(t.Context())
	swapped := make(chan struct{})
	var writer, readers errgroup.Group
	writer.Go(func() error {
		defer close(swapped) // if the writer fails, readers must not wait for it
		for i := 1; ctx.Err() == nil; i++ {
			if err := b.Put(t.Context(), "pub/film.bin", bodies[versions[i%2]], ""); err != nil {
				return err
			}
			swaps.Add(1)
			select {
			case swapped <- struct{}{}:
			default:
			}
		}
		return nil
	})
	done := func() bool {
		return swaps.Load() >= leastSwaps && mixedControl.Load() > 0 && seen['A'].Load() > 0 && seen['B'].Load() > 0
	}
	for _, rng := range []string{"", "bytes=1000000-20000000", "bytes=-9000000", "bytes=12000000-"} {
		readers.Go(func() error {
			for range mostReads {
				req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/film.bin", nil)
				if err != nil {
					return err
				}
				if rng != "" {
					req.Header.Set("Range", rng)
				}
				first, mixed, err := readVersion(req)
				switch {
				case mixed:
					return fmt.Errorf("range %q: a response mixes two versions", rng)
				case err != nil:
					aborted.Add(1)
				default:
					whole.Add(1)
					seen[first].Add(1)
				}
				if done() {
					return nil
				}
			}
			return nil
		})
	}
	readers.Go(func() error {
		for range mostReads {
			halves := ""
			for _, rng := range []string{"bytes=0-0", "bytes=24000000-24000000"} {
				out, err := s3client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &b.Name, Key: aws.String("pub/film.bin"), Range: &rng})
				if err != nil {
					return err
				}
				data, err := io.ReadAll(out.Body)
				out.Body.Close()
				if err != nil {
					return err
				}
				if halves += string(data); len(halves) == 1 {
					<-swapped
				}
			}
			if halves == "AB" || halves == "BA" {
				mixedControl.Add(1)
			}
			if done() {
				return nil
			}
		}
		return nil
	})
	err := readers.Wait()
	stop()
	if err := writer.Wait(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d swaps, %d whole responses, %d aborted, control mixed %d times", swaps.Load(), whole.Load(), aborted.Load(), mixedControl.Load())
	if !done() {
		t.Error("too little happened to prove anything")
	}
}

// readVersion reads a response and returns its version. mixed is true if it has bytes of
// two, even if it is truncated after them.
func readVersion(req *http.Request) (version byte, mixed bool, err error) {
	res, err := client.Do(req)
	if err != nil {
		return 0, false, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent {
		return 0, false, fmt.Errorf("status %d", res.StatusCode)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := res.Body.Read(buf)
		if version == 0 && n > 0 {
			version = buf[0]
		}
		if bytes.Count(buf[:n], []byte{version}) != n {
			return version, true, nil
		}
		if err == io.EOF {
			return version, !strings.Contains(versions, string(version)), nil
		}
		if err != nil {
			return version, false, err
		}
	}
}
