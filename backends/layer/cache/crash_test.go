package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// long asks for the full numbers of rounds and reads.
var long = os.Getenv("BAILIWICK_LONG") == "1"

// A generated backend has objects whose bytes and ETags follow from their names, in any
// process: "17-3000" has 3,000 bytes.
type generated struct {
	driver.Unsupported
	contents sync.Map // by name
}

func (g *generated) content(n vfs.Name, seed, size int) string {
	data, ok := g.contents.Load(n)
	if !ok {
		data, _ = g.contents.LoadOrStore(n, pattern(seed, size))
	}
	return data.(string)
}

func (g *generated) Caps() vfs.Caps { return vfs.Caps{Kind: "generated", Ranges: true} }

func (g *generated) info(op string, n vfs.Name) (info vfs.Info, seed int, err error) {
	var size int
	if _, err := fmt.Sscanf(n.String(), "%d-%d", &seed, &size); err != nil {
		return info, 0, &vfs.Error{Op: op, Name: n.String(), Reason: reason.Missing}
	}
	return vfs.Info{Name: n, Size: int64(size), ETag: "tag-" + n.String(), ModTime: time.Unix(1e9, 0)}, seed, nil
}

func (g *generated) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, _, err := g.info("stat", n)
	if err != nil {
		return info, err
	}
	req.Range = vfs.Range{}
	_, err = req.Resolve("stat", info)
	return info, err
}

func (g *generated) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	info, seed, err := g.info("open", n)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", info)
	if err != nil {
		return nil, err
	}
	text := strings.NewReader(g.content(n, seed, int(info.Size)))
	body, err := driver.NewBody(ctx, struct {
		io.ReadSeeker
		io.Closer
	}{text, io.NopCloser(nil)}, span)
	if err != nil {
		return nil, driver.FSError("open", n, err)
	}
	return &vfs.Object{Info: info, Span: span, Body: body}, nil
}

func (g *generated) List(context.Context, vfs.Name, string) iter.Seq2[vfs.Entry, error] {
	return func(func(vfs.Entry, error) bool) {}
}

var crashNames = func() (names []string) {
	for seed, size := range []int{500, 4096, 32 << 10, 40_000, mib, mib + 1, 2*mib - 1, 3*mib + 5, 100, 700_000} {
		names = append(names, fmt.Sprintf("%d-%d", seed+1, size))
	}
	return names
}()

func crashOptions() cache.Options {
	return cache.Options{Size: 6 * mib, Immutable: func(vfs.Name) bool { return true }, Logger: slog.New(slog.DiscardHandler)}
}

// fillVariable makes the test binary a process that reads through a Cache until it is
// killed. Its value is the directory.
const fillVariable = "BAILIWICK_TEST_CACHE_FILL"

func fillForever(dir string) {
	c, err := cache.New(&generated{}, dir, crashOptions())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for w := range 3 {
		go func() {
			for r := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(w))); ; {
				n, err := vfs.ParseName(crashNames[r.IntN(len(crashNames))])
				if err != nil {
					panic(err)
				}
				if obj, err := c.Open(context.Background(), n, vfs.Request{}); err == nil {
					io.CopyN(io.Discard, obj.Body, r.Int64N(obj.Span.Length+1))
					obj.Body.Close()
				}
				fmt.Println("read")
			}
		}()
	}
	select {}
}

// A process that is killed within fills leaves what the next one can use: it never yields
// a wrong byte, and most blocks need not be read again.
func TestKilled(t *testing.T) {
	rounds := 5
	if long {
		rounds = 100
	}
	dir := filepath.Join(tempDir(t), "cache")
	restored := 0
	for i := range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), fillVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 20 + rand.IntN(60) {
			if !lines.Scan() || lines.Text() != "read" {
				t.Fatalf("round %d: %q", i, lines.Text())
			}
		}
		cmd.Process.Kill()
		cmd.Wait()

		src := &generated{}
		c := openIn(t, src, dir, crashOptions())
		s := c.Stats()
		if s.Size > 6*mib {
			t.Errorf("round %d: %+v", i, s)
		}
		restored += s.Objects
		for _, text := range crashNames {
			n := name(t, text)
			info, seed, err := src.info("stat", n)
			if err != nil {
				t.Fatal(err)
			}
			if err := compare(t.Context(), c, n, whole, src.content(n, seed, int(info.Size))); err != nil {
				t.Errorf("round %d, %s: %v", i, text, err)
			}
		}
		if d := c.Stats().Damaged; d != 0 {
			t.Errorf("round %d: %d damaged blocks", i, d)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if restored == 0 {
		t.Error("nothing was restored")
	}
}
