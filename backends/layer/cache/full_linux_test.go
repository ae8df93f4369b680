package cache_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
)

// mountTmpfs mounts a file system of its own, which needs root privileges.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// On a file system that is smaller than the cache may be, 5 % stay free. When others fill
// it, or it has no inodes, objects are served without being kept, and one message a
// minute says so.
func TestFullDisk(t *testing.T) {
	for what, options := range map[string]string{"no bytes": "size=16m", "no inodes": "size=64m,nr_inodes=12"} {
		t.Run(what, func(t *testing.T) {
			top := mountTmpfs(t, options)
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				c := openIn(t, &generated{}, filepath.Join(top, "cache"), cache.Options{TTL: hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				round := func() {
					t.Helper()
					for i := range 20 {
						n := name(t, fmt.Sprintf("%d-%d", i, mib+i))
						if err := compare(t.Context(), c, n, whole, pattern(i, mib+i)); err != nil {
							t.Errorf("%s: %v", n, err)
						}
						synctest.Wait()
					}
				}
				free := func() float64 {
					var st unix.Statfs_t
					if err := unix.Statfs(top, &st); err != nil {
						t.Fatal(err)
					}
					return float64(st.Bavail) / float64(st.Blocks)
				}
				round()
				round()
				if got := free(); got < 0.04 {
					t.Errorf("%.3f of the file system are free", got)
				}
				if s := c.Stats(); s.Size == 0 {
					t.Errorf("%+v", s)
				}
				for i := 0; ; i++ { // others
					err := os.WriteFile(filepath.Join(top, fmt.Sprint("other", i)), make([]byte, mib), 0o600)
					if err != nil {
						break
					}
				}
				round()
				if got := strings.Count(log.String(), "\n"); got > 1 {
					t.Errorf("%d messages:\n%s", got, log.String())
				}
				time.Sleep(time.Minute)
				round()
				if got := strings.Count(log.String(), "\n"); got == 0 || got > 2 {
					t.Errorf("%d messages:\n%s", got, log.String())
				}
				others, err := filepath.Glob(filepath.Join(top, "other*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range others {
					os.Remove(file)
				}
				time.Sleep(time.Minute)
				round()
				round()
				if s := c.Stats(); s.Size == 0 {
					t.Errorf("with room again: %+v", s)
				}
			})
		})
	}
}

// A directory that is a cache already can be opened again on a full disk: nothing is
// written to it for that.
func TestOpenOnFullDisk(t *testing.T) {
	top := mountTmpfs(t, "size=8m")
	dir := filepath.Join(top, "cache")
	if err := openIn(t, &generated{}, dir, cache.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	marker, before := filepath.Join(dir, "bailiwick-cache"), time.Unix(1, 0)
	if err := os.Chtimes(marker, before, before); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "fill"), make([]byte, 16<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	c := openIn(t, &generated{}, dir, cache.Options{TTL: hour})
	if err := compare(t.Context(), c, name(t, "0-5"), whole, pattern(0, 5)); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(marker); err != nil || !st.ModTime().Equal(before) {
		t.Errorf("the marker was written again: %v, %v", st, err)
	}
}
