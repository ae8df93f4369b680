package disk_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An openWatch reports which files in a directory were opened. An O_PATH descriptor
// does not count as an open.
type openWatch struct {
	fd  int
	buf [64 << 10]byte
}

func watchOpens(t *testing.T, dirs ...string) *openWatch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	for _, dir := range dirs {
		if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN); err != nil {
			t.Fatal(err)
		}
	}
	return &openWatch{fd: fd}
}

// opened returns the elements opened since the last call, without directories.
func (w *openWatch) opened(t *testing.T) (elems []string) {
	t.Helper()
	for {
		n, err := unix.Read(w.fd, w.buf[:])
		if err == unix.EAGAIN {
			slices.Sort(elems)
			return slices.Compact(elems)
		}
		if err != nil {
			t.Fatal(err)
		}
		for buf := w.buf[:n]; len(buf) > 0; {
			mask, size := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
			if mask&unix.IN_ISDIR == 0 {
				elems = append(elems, strings.TrimRight(string(buf[16:16+size]), "\x00"))
			}
			buf = buf[16+size:]
		}
	}
}

// Nothing is opened just to find out that it must not be opened: closing a FIFO ends
// the program that writes to it, and closing a database releases the locks of the
// process.
func TestNothingIsOpenedInVain(t *testing.T) {
	for _, portable := range []bool{false, true} {
		t.Run(map[bool]string{false: "default", true: "portable"}[portable], func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "db", "db")
			write(t, dir, "sub/page", "page")
			outside := write(t, t.TempDir(), "outside", "outside")
			for link, target := range map[string]string{"db-linked": filepath.Join(dir, "db"), "linked": outside} {
				if err := os.Link(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, dir, staging+"/db", "x")
			if err := os.Remove(filepath.Join(dir, staging, "db")); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(filepath.Join(dir, "db"), filepath.Join(dir, staging, "db")); err != nil {
				t.Fatal(err)
			}
			for _, fifo := range []string{"fifo", staging + "/fifo"} {
				if err := unix.Mkfifo(filepath.Join(dir, fifo), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(ownfile.Hold(ownfile.File{Path: filepath.Join(dir, "db")}))
			w := watchOpens(t, dir, filepath.Join(dir, "sub"), filepath.Join(dir, staging))
			b := writable(t, dir, disk.Options{Portable: portable, RefuseHardLinks: true})
			ctx := context.Background()
			for _, s := range []string{"db", "db-linked", "linked", "fifo", "sub", "nothing"} {
				n := name(t, s)
				if _, err := b.Open(ctx, n, vfs.Request{}); err == nil {
					t.Errorf("%s was opened", s)
				}
				if _, err := b.Stat(ctx, n, vfs.Request{}); err == nil {
					t.Errorf("%s was described", s)
				}
				if _, err := put(b, n, "x", vfs.PutOptions{Cond: vfs.Cond{IfMatch: vfs.Tags{Any: true}}}); err == nil {
					t.Errorf("%s was written to", s)
				}
				if err := b.Remove(ctx, n, vfs.Cond{}); err == nil {
					t.Errorf("%s was removed", s)
				}
			}
			for _, err := range b.List(ctx, vfs.Root, "") {
				if err != nil {
					t.Error(err)
				}
			}
			if got := w.opened(t); len(got) > 0 {
				t.Errorf("opened: %q", got)
			}
			// An object whose content is not needed is not opened either.
			n := name(t, "sub/page")
			info, err := b.Stat(ctx, n, vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			fresh := vfs.Cond{IfNoneMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}}
			if _, err := b.Open(ctx, n, vfs.Request{Cond: fresh}); err == nil {
				t.Error("the object was opened although a condition failed")
			}
			if got := w.opened(t); !portable && len(got) > 0 {
				t.Errorf("Stat opened %q", got)
			}
			// The control: the watch detects opens.
			if got, _, err := get(b, n, vfs.Request{}); err != nil || got != "page" {
				t.Fatalf("%q, %v", got, err)
			}
			if f, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
				f.Close()
			}
			if got := w.opened(t); !slices.Equal(got, []string{"fifo", "page"}) {
				t.Errorf("the watch sees %q", got)
			}
		})
	}
}

// A program that writes to a FIFO survives a request for the FIFO.
func TestWriterOfAFIFOLives(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		cmd, _, out := startChild(t, "FIFO writer", fifo)
		defer cmd.Wait()
		if !out.Scan() || out.Text() != "opening" {
			t.Fatalf("the writer printed %q", out.Text())
		}
		awaitBlocked(t, cmd.Process.Pid)
		n := name(t, "fifo")
		for range 20 {
			if _, _, err := get(b, n, vfs.Request{}); vfs.ReasonOf(err) != reason.SpecialFile {
				t.Errorf("Open: %v", err)
			}
			if _, err := b.Stat(context.Background(), n, vfs.Request{}); vfs.ReasonOf(err) != reason.SpecialFile {
				t.Errorf("Stat: %v", err)
			}
			if !blocked(t, cmd.Process.Pid) {
				t.Fatal("the writer no longer waits for a reader")
			}
		}
		// Its real reader arrives and gets what it writes.
		f, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if !out.Scan() || out.Text() != "opened" {
			t.Fatalf("when its reader came, the writer printed %q", out.Text())
		}
		if data, err := io.ReadAll(f); err != nil || string(data) != "written" {
			t.Errorf("the reader of the FIFO got %q, %v", data, err)
		}
	})
}

// writeFIFO is the program that writes to a FIFO once there is a reader.
func writeFIFO(path string) {
	fmt.Println("opening")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("opened")
	f.WriteString("written")
	f.Close()
}

// blocked reports whether a thread of the process waits for the other end of a FIFO. A
// thread that was woken does not count, whether it has run since or not.
func blocked(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("the threads of the writer: %v, %v", threads, err)
	}
	for _, path := range threads {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), "wait_for_partner") {
			return true
		}
	}
	return false
}

func awaitBlocked(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if blocked(t, pid) {
			return
		}
		runtime.Gosched()
	}
	t.Skip("this kernel does not report what a thread waits for")
}
