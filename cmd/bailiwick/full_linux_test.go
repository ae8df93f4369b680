package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisks are small file systems.
var smallDisks = []struct {
	what, options string
	size          int // of the files that fill it
}{
	{"of bytes", "size=8m", 300_000},
	{"of bytes, in small files", "size=8m", 20_000},
	{"of inodes", "size=8m,nr_inodes=48", 10},
}

// smallDisk mounts a tmpfs with options. Without the privilege it skips the test.
func smallDisk(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// occupy fills dir to its last byte, or to its last inode, and returns a function that
// frees the space.
func occupy(t *testing.T, dir string, inodes bool) (release func()) {
	t.Helper()
	var files []string
	for i := range 100 { // without a limit of inodes, one file takes all bytes
		file := filepath.Join(dir, fmt.Sprint("occupied ", i))
		f, err := os.Create(file)
		if err != nil {
			break
		}
		files = append(files, file)
		for err == nil && !inodes {
			_, err = f.Write(make([]byte, 4096))
		}
		f.Close()
	}
	return func() {
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	}
}

// send sends a request and returns the status and body of the response.
func send(t *testing.T, method, url string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestPutFull: on a full disk, a PUT gets 507 and leaves nothing. Existing files can be
// read and removed, which makes room again.
func TestPutFull(t *testing.T) {
	for _, disk := range smallDisks {
		t.Run(disk.what, func(t *testing.T) {
			dir := smallDisk(t, disk.options)
			random := rand.New(rand.NewPCG(1, 1))
			p := serveTree(t, dir, "--allow", "**", "--write", "--access-log", "off")
			there := map[string][]byte{}
			put := func(name string, size int, want int) {
				t.Helper()
				content := randomBytes(random, size)
				status, text := send(t, "PUT", p.url+"/"+name, unsized(content))
				if status != want {
					t.Fatalf("PUT %s of %d bytes, with %d files stored: %d, want %d", name, size, len(there), status, want)
				}
				if status/100 == 2 {
					there[name] = content
				} else if strings.Contains(text, dir) {
					t.Errorf("the response reveals the directory: %q", text)
				}
			}
			verify := func(p *process, others int) {
				t.Helper()
				for name, content := range there {
					if status, body := get(t, p.url+"/"+name); status != 200 || body != string(content) {
						t.Errorf("%s: %d, %d bytes of %d", name, status, len(body), len(content))
					}
				}
				if names := filesIn(t, dir); len(names) != len(there)+others {
					t.Errorf("there are %d files, of which %d were put: %q", len(names), len(there), names)
				}
			}
			put("kept", disk.size, 201)
			put("kept", 20<<20, 507)
			put("new", 20<<20, 507)
			put("new/in/directories", 20<<20, 507)
			verify(p, 0)
			full := false
			for i := 0; !full; i++ {
				name := fmt.Sprintf("d%d/%d", i%5, i)
				content := randomBytes(random, disk.size)
				switch status, _ := send(t, "PUT", p.url+"/"+name, bytes.NewReader(content)); status {
				case 201:
					there[name] = content
				case 507:
					full = true
				default:
					t.Fatalf("PUT %s: %d", name, status)
				}
			}
			verify(p, 0)
			occupied := occupy(t, dir, strings.Contains(disk.options, "inodes"))
			put("kept", disk.size, 507)
			put("another", 1, 507)
			n := len(filesIn(t, dir)) - len(there)
			verify(p, n)

			// Neither a start nor a removal needs free space.
			http.DefaultClient.CloseIdleConnections()
			p.signal(syscall.SIGTERM)
			p.exit()
			p = serveTree(t, dir, "--allow", "**", "--write", "--access-log", "off")
			verify(p, n)
			for i, name := range slices.Sorted(func(yield func(string) bool) {
				for name := range there {
					if name != "kept" && !yield(name) {
						return
					}
				}
			}) {
				if i == 12 {
					break
				}
				if status, _ := send(t, "DELETE", p.url+"/"+name, nil); status != 204 {
					t.Errorf("DELETE %s: %d", name, status)
				}
				delete(there, name)
			}
			put("kept", disk.size, 204)
			put("new/in/directories", disk.size, 201)
			verify(p, n)
			occupied()
			verify(p, 0)
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// TestUploadsFull is TestPutFull for uploads with the catalog on the same full disk.
func TestUploadsFull(t *testing.T) {
	for _, disk := range smallDisks {
		t.Run(disk.what, func(t *testing.T) {
			root := smallDisk(t, disk.options)
			dir := filepath.Join(root, "objects")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			place := uploadPlace{name: "disk", source: dir, catalog: "sqlite:" + filepath.Join(root, "c.db"), dir: dir}
			random := rand.New(rand.NewPCG(1, 1))
			p := place.serve(t)
			there := map[string][]byte{}
			store := func(size int) int {
				t.Helper()
				content := randomBytes(random, size)
				files, status, err := post(p.url, unsized(content), "Content-Disposition", "attachment; filename=a.bin")
				if err != nil {
					t.Fatal(err)
				}
				if status == 201 {
					there[files[0].ID] = content
				}
				return status
			}
			want := func(size, want int) {
				t.Helper()
				if status := store(size); status != want {
					t.Fatalf("POST of %d bytes, with %d uploads stored: %d, want %d", size, len(there), status, want)
				}
			}
			verify := func(p *process) {
				t.Helper()
				for id, content := range there {
					if status, body := get(t, p.url+"/"+id); status != 200 || body != string(content) {
						t.Errorf("%d, %d bytes of %d", status, len(body), len(content))
					}
				}
			}
			clean := func() {
				t.Helper()
				if n := place.objects(t); n != len(there) {
					t.Errorf("%d objects, want %d", n, len(there))
				}
				wantClean(t, &place, fmt.Sprintf("%d upload", len(there)))
			}
			want(disk.size, 201)
			want(20<<20, 507)
			clean()
			for status := 201; status != 507; {
				if status = store(disk.size); status != 201 && status != 507 {
					t.Fatalf("POST with %d uploads there: %d", len(there), status)
				}
			}
			verify(p)
			occupied := occupy(t, root, strings.Contains(disk.options, "inodes"))
			for range 5 {
				want(disk.size, 507)
				if status := store(0); status != 507 && status != 201 { // it takes no bytes
					t.Errorf("POST of no bytes: %d", status)
				}
			}
			verify(p)
			for id := range there {
				if status, _ := send(t, "DELETE", p.url+"/"+id, nil); status != 204 {
					t.Errorf("DELETE with %d uploads there: %d", len(there), status)
				}
				if delete(there, id); len(there) == 5 {
					break
				}
			}
			want(disk.size, 201)
			verify(p)
			occupied()
			want(disk.size, 201)
			http.DefaultClient.CloseIdleConnections()
			p.signal(syscall.SIGTERM)
			p.exit()
			p = place.serve(t)
			verify(p)
			clean()
			http.DefaultClient.CloseIdleConnections()
		})
	}
}
