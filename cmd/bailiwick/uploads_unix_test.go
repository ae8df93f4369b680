//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// An uploadPlace is the source and the catalog of a server's uploads.
type uploadPlace struct {
	name, source, catalog string
	dir                   string                 // the directory with the objects as files
	unfinished            func(t *testing.T) int // the number of multipart uploads in progress
}

// uploadPlaces returns a directory with SQLite for "disk", or a bucket with PostgreSQL.
func uploadPlaces(t *testing.T, kind string) uploadPlace {
	t.Helper()
	if kind == "disk" {
		dir := t.TempDir()
		return uploadPlace{
			name: kind, source: dir, catalog: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), dir: dir,
			unfinished: func(*testing.T) int { return 0 },
		}
	}
	isolateAWS(t)
	g := s3gateway.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
	b := g.Bucket(t, "uploads")
	db := pgserver.Start(t).Database(t)
	client := g.Client(t)
	return uploadPlace{
		name: kind, source: "s3://uploads/in" + at(g), catalog: db, dir: b.Path("in"),
		unfinished: func(t *testing.T) int {
			t.Helper()
			out, err := client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &b.Name})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Uploads)
		},
	}
}

func (p *uploadPlace) serve(t *testing.T) *process {
	t.Helper()
	return serveTree(t, p.source, "--uploads", "--catalog", p.catalog, "--access-log", "off")
}

// check runs catalog check and returns its exit code and output.
func (p *uploadPlace) check(t *testing.T) (code int, said string) {
	t.Helper()
	code, stdout, stderr := runCommand(t, "catalog", "check", p.source, "--catalog", p.catalog, "--deep")
	return code, stdout + stderr
}

var uploadName = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// objects returns the number of files in the source, which must all be objects.
func (p *uploadPlace) objects(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	count := 0
	for _, e := range entries {
		// While a server runs, its directory for unfinished uploads exists.
		if left, err := os.ReadDir(filepath.Join(p.dir, e.Name())); err == nil && len(left) == 0 {
			continue
		}
		if !uploadName.MatchString(e.Name()) {
			t.Errorf("%s is left in the source", e.Name())
		}
		count++
	}
	return count
}

// An upload is a file in the server's response.
type upload struct {
	ID, Name, Type, SHA256, Created, Owner string
	Size                                   int64
}

// post uploads body and returns the stored files and the status.
func post(url string, body io.Reader, headers ...string) ([]upload, int, error) {
	req, err := http.NewRequest("POST", url+"/", body)
	if err != nil {
		return nil, 0, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return nil, resp.StatusCode, err
	}
	var answer struct{ Files []upload }
	err = json.Unmarshal(text, &answer)
	return answer.Files, resp.StatusCode, err
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestServeUploads(t *testing.T) {
	for _, kind := range []string{"disk", "s3"} {
		t.Run(kind, func(t *testing.T) {
			place := uploadPlaces(t, kind)
			p := place.serve(t)
			files, status, err := post(p.url, strings.NewReader("content"), "Content-Disposition", `attachment; filename="../a b.txt"`)
			if err != nil || status != 201 || len(files) != 1 || files[0].Name != ".._a b.txt" || files[0].SHA256 != hash([]byte("content")) {
				t.Fatalf("POST: %d %+v %v", status, files, err)
			}
			gone, _, err := post(p.url, strings.NewReader("x"), "Content-Disposition", "attachment; filename=gone")
			if err != nil {
				t.Fatal(err)
			}
			req, _ := http.NewRequest("DELETE", p.url+"/"+gone[0].ID, nil)
			resp, err := http.DefaultClient.Do(req)
			if err != nil || resp.StatusCode != 204 {
				t.Errorf("DELETE: %v %v", resp, err)
			}
			resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != 0 {
				t.Errorf("exit %d", code)
			}

			p = place.serve(t)
			if status, body := get(t, p.url+"/"+files[0].ID); status != 200 || body != "content" {
				t.Errorf("GET by the next server: %d %q", status, body)
			}
			if status, _ := get(t, p.url+"/"+gone[0].ID); status != 404 {
				t.Errorf("GET of a removed upload: %d", status)
			}
			if status, body := get(t, p.url+"/"+files[0].ID+"?meta"); status != 200 || !strings.Contains(body, `"name":".._a b.txt"`) {
				t.Errorf("GET ?meta: %d %q", status, body)
			}
			if n := place.objects(t); n != 1 {
				t.Errorf("%d objects", n)
			}
			if code, said := place.check(t); code != 0 || !strings.Contains(said, "1 upload, 7 bytes; in progress: 0; problems: 0") {
				t.Errorf("check: exit %d, %q", code, said)
			}
		})
	}
}

// TestUploadNamesKept uploads files with hostile names to the real stores. Each name is
// returned unchanged in metadata and header, and none becomes part of a path or key.
func TestUploadNamesKept(t *testing.T) {
	var names []string
	for _, a := range vfstest.Attacks() {
		names = append(names, a.Raw)
	}
	for _, l := range vfstest.LegalNames() {
		names = append(names, l.Name)
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range corpus {
		if i%50 == 0 { // the tests of package server cover all
			names = append(names, p.Raw)
		}
	}
	asBrowser := strings.NewReplacer("\n", "%0A", "\r", "%0D", `"`, "%22")
	for _, kind := range []string{"disk", "s3"} {
		t.Run(kind, func(t *testing.T) {
			place := uploadPlaces(t, kind)
			p := place.serve(t)
			for chunk := range slices.Chunk(names, 100) {
				var body strings.Builder
				for i, name := range chunk {
					fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=f; filename=\"%s\"\r\n\r\n%d\r\n", asBrowser.Replace(name), i)
				}
				files, status, err := post(p.url, strings.NewReader(body.String()+"--b--\r\n"), "Content-Type", "multipart/form-data; boundary=b")
				if err != nil || len(files) != len(chunk) {
					t.Fatalf("POST: %d, %d files, %v", status, len(files), err)
				}
				for i, f := range files {
					resp := request(t, p.url+"/"+f.ID)
					resp.Body.Close()
					lines := resp.Header.Values("Content-Disposition")
					if len(lines) != 1 {
						t.Fatalf("%q: dispositions %q", chunk[i], lines)
					}
					want := vfs.SafeName(f.Name, vfs.SafeNameOptions{}).String()
					if _, params, err := mime.ParseMediaType(lines[0]); err != nil || params["filename"] != want {
						t.Errorf("%q was stored as %q and returned as %q, %v, want %q", chunk[i], f.Name, params["filename"], err, want)
					}
					var kept upload
					if _, meta := get(t, p.url+"/"+f.ID+"?meta"); json.Unmarshal([]byte(meta), &kept) != nil || kept != f {
						t.Errorf("%q was stored as %+v, but its metadata is %s", chunk[i], f, meta)
					}
				}
			}
			if n := place.objects(t); n != len(names) {
				t.Errorf("%d objects for %d names", n, len(names))
			}
			if code, said := place.check(t); code != 0 {
				t.Errorf("check: exit %d, %q", code, said)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// TestUploadsBelowPath: an upload to the path of a mount without the final slash works,
// too.
func TestUploadsBelowPath(t *testing.T) {
	dir := tree(t, map[string]string{"etc/x": "", "up/x": ""})
	writeConfig(t, filepath.Join(dir, "etc"), `
access_log: {file: off}
mounts: [{path: "/my files", source: ../up, uploads: {catalog: "sqlite:../c.db"}}]
`)
	p := start(t, "serve", "--config", filepath.Join(dir, "etc", "bailiwick.yaml"))
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/my%20files", strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Disposition", "attachment; filename=a.txt")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	location := resp.Header.Get("Location")
	if resp.StatusCode != 201 || !strings.HasPrefix(location, "/my%20files/") {
		t.Fatalf("%s, Location: %q", resp.Status, location)
	}
	if status, body := get(t, p.url+location); status != 200 || body != "content" {
		t.Errorf("%d %q", status, body)
	}
	p.stop()
}
