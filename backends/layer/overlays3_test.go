package layer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// Clients of a parallel overlay over S3 change objects of their own and read those of the
// others, some of them only until they lose patience. Each sees its own changes, and
// nobody sees an object that was removed, or a part of another one.
func TestParallelOverlayOverS3(t *testing.T) {
	s3 := s3Store(t)
	for _, upper := range []store{memStore(), s3} {
		t.Run(upper.name+" over s3", func(t *testing.T) {
			const clients, each, steps = 8, 4, 25
			lower := vfstest.Tree{Files: map[string]string{}}
			nameOf := func(client, i int) string { return fmt.Sprintf("dir %d/%d.txt", i, client) }
			for client := range clients {
				for i := range each {
					lower.Files[nameOf(client, i)] = nameOf(client, i) + " below"
				}
			}
			b, err := overlay.New([]vfs.Backend{upper.open(t, vfstest.Tree{}), readonly.New(s3.open(t, lower))}, overlay.Options{Parallel: true})
			if err != nil {
				t.Fatal(err)
			}
			var group errgroup.Group
			for client := range clients {
				group.Go(func() error {
					c := overlayClient{t.Context(), b, rand.New(rand.NewPCG(uint64(client), 7)), map[string]string{}}
					for i := range each {
						c.state[nameOf(client, i)] = lower.Files[nameOf(client, i)]
					}
					for step := range steps {
						if err := c.step(nameOf(client, c.rng.IntN(each)), nameOf(c.rng.IntN(clients), c.rng.IntN(each)), step); err != nil {
							return fmt.Errorf("client %d, step %d: %w", client, step, err)
						}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

type overlayClient struct {
	ctx   context.Context
	b     vfs.Backend
	rng   *rand.Rand
	state map[string]string // the client's own objects
}

// step changes one of the client's own objects and reads it, and that of another client.
func (c *overlayClient) step(own, other string, step int) error {
	n, err := vfs.ParseName(own)
	if err != nil {
		return err
	}
	switch data, there := c.state[own]; {
	case there && c.rng.IntN(2) == 0:
		if err := c.b.Remove(c.ctx, n, vfs.Cond{}); err != nil {
			return fmt.Errorf("remove %s, which is %q: %w", own, data, err)
		}
		delete(c.state, own)
	case c.rng.IntN(2) == 0:
		data := fmt.Sprintf("%s of step %d", own, step)
		if _, err := c.b.Put(c.ctx, n, strings.NewReader(data), vfs.PutOptions{}); err != nil {
			return fmt.Errorf("put %s: %w", own, err)
		}
		c.state[own] = data
	}
	data, err := c.read(c.ctx, own)
	if want, there := c.state[own]; there && (err != nil || data != want) || !there && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is %q, %v; want %q", own, data, err, want)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	if c.rng.IntN(2) == 0 {
		go cancel()
	}
	data, err = c.read(ctx, other)
	if err == nil && !strings.HasPrefix(data, other+" ") || err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, vfs.ErrChanged) {
		return fmt.Errorf("%s of another client is %q, %v", other, data, err)
	}
	return nil
}

func (c *overlayClient) read(ctx context.Context, s string) (string, error) {
	n, err := vfs.ParseName(s)
	if err != nil {
		return "", err
	}
	obj, err := c.b.Open(ctx, n, vfs.Request{})
	if err != nil {
		return "", err
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	return string(data), err
}
