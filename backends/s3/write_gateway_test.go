package s3_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A ground is a bucket on a real server with a writable backend.
type ground struct {
	*s3gateway.Gateway
	bucket string
	client *s3.Client
	b      *s3.Backend
}

func newGround(t testing.TB) *ground {
	t.Helper()
	g := &ground{Gateway: s3gateway.Start(t)}
	g.bucket = g.Bucket(t, "written").Name
	g.client = g.Client(t)
	g.b = g.backend(t, apiOf(g.client))
	return g
}

func (g *ground) backend(t testing.TB, api s3.API) *s3.Backend {
	t.Helper()
	b, err := s3.New(api, s3.Options{Bucket: g.bucket, Prefix: "pub", Writable: true, PartSize: part})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// uploads returns the number of open multipart uploads.
func (g *ground) uploads(t testing.TB) int {
	t.Helper()
	out, err := g.client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &g.bucket})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

func (g *ground) content(t testing.TB) string {
	t.Helper()
	_, data, err := fetch(t.Context(), g.b, vfs.Request{})
	if vfs.ReasonOf(err) == reason.Missing {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Requests are counted at the server.
func TestPutRequestsOnServer(t *testing.T) {
	g := newGround(t)
	put := func(size int, cond vfs.Cond) error {
		_, err := g.b.Put(t.Context(), name("file"), strings.NewReader(filler(size)), vfs.PutOptions{Cond: cond})
		return err
	}
	for _, tt := range []struct {
		what string
		do   func() error
		want error
		ops  string
	}{
		{"create", func() error { return put(10, creates) }, nil, "PutObject"},
		{"create again", func() error { return put(11, creates) }, vfs.ErrPrecondition, "PutObject HeadObject"},
		{"replace", func() error { return put(part, vfs.Cond{}) }, nil, "PutObject"},
		{"create a large one again", func() error { return put(two, creates) }, vfs.ErrPrecondition, "HeadObject"},
		{"replace by a large one", func() error { return put(two, anyTag) }, nil, "HeadObject CreateMultipartUpload UploadPart UploadPart CompleteMultipartUpload"},
		{"remove", func() error { return g.b.Remove(t.Context(), name("file"), anyTag) }, nil, "HeadObject DeleteObject"},
		{"remove again", func() error { return g.b.Remove(t.Context(), name("file"), vfs.Cond{}) }, os.ErrNotExist, "HeadObject"},
	} {
		g.Reset(t)
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.what, err)
		}
		var ops []string
		for _, r := range g.Requests(t) {
			ops = append(ops, r.Op)
			if r.Bucket != g.bucket || r.Key != "pub/file" {
				t.Errorf("%s: requested %s", tt.what, r)
			}
		}
		if got := strings.Join(ops, " "); got != tt.ops {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.ops)
		}
	}
}

// Of many concurrent creates of one large object, one succeeds, and the others leave no
// parts.
func TestLargeRacesOnServer(t *testing.T) {
	g := newGround(t)
	crowds := []int{16, 64}
	if length.Short() {
		crowds = crowds[:1]
	}
	for _, racers := range crowds {
		n := name(fmt.Sprintf("raced by %d", racers))
		var wg sync.WaitGroup
		won := make(chan int, racers)
		for i := range racers {
			wg.Go(func() {
				body := io.MultiReader(strings.NewReader(fmt.Sprintf("racer %02d ", i)), io.LimitReader(zeros{}, part))
				_, err := g.b.Put(t.Context(), n, body, vfs.PutOptions{Cond: creates})
				switch {
				case err == nil:
					won <- i
				case !errors.Is(err, vfs.ErrPrecondition):
					t.Errorf("racer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d of %d racers won", len(won), racers)
		}
		obj, err := g.b.Open(t.Context(), n, vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		if want := fmt.Sprintf("racer %02d ", <-won); err != nil || !strings.HasPrefix(string(data), want) || len(data) != part+len(want) {
			t.Errorf("%d bytes are stored, %v, not those of %s", len(data), err, want)
		}
	}
	if n := g.uploads(t); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestEveryFailureOnServer is TestEveryFailure against a real server, for multipart
// uploads.
func TestEveryFailureOnServer(t *testing.T) {
	g := newGround(t)
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			if _, err := g.b.Put(t.Context(), name("file"), strings.NewReader("old"), vfs.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			strike := func(i int, _ string) bool { return i == n }
			f := &faulty{api: g.client, before: strike, after: never}
			if after {
				f.before, f.after = never, strike
			}
			_, err := g.backend(t, f).Put(t.Context(), name("file"), strings.NewReader(filler(two)), vfs.PutOptions{Cond: anyTag})
			ops := f.taken()
			what := fmt.Sprintf("call %d of %q failed, after %t: %v", n, ops, after, err)
			if data := g.content(t); err == nil && data != filler(two) || err != nil && data != "old" {
				t.Errorf("%s, but %d bytes are stored", what, len(data))
			}
			left := g.uploads(t)
			if lostCreate := after && len(ops) > n && ops[n] == "CreateMultipartUpload"; left > 0 && !lostCreate {
				t.Errorf("%s: %d uploads are left", what, left)
			}
			if swept, err := g.b.SweepUploads(t.Context(), 0, nil); swept != left || err != nil || g.uploads(t) != 0 {
				t.Errorf("%s: %d of %d swept, %v", what, swept, left, err)
			}
			if len(ops) <= n {
				break
			}
		}
	}
}

// A body that is truncated, canceled, too long or too short leaves nothing on a real
// server, and a large one arrives byte for byte.
func TestLargeOnServer(t *testing.T) {
	g := newGround(t)
	if _, err := g.b.Put(t.Context(), name("file"), strings.NewReader("old"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broken := errors.New("broken")
	for what, try := range map[string]struct {
		ctx  context.Context
		body io.Reader
		size int64
		want error
	}{
		"cut":      {t.Context(), &endsWith{r: io.LimitReader(zeros{}, 3*part), err: broken}, 0, broken},
		"canceled": {ctx, &endsWith{r: io.LimitReader(zeros{}, 3*part), err: nil, do: cancel}, 0, context.Canceled},
		"short":    {t.Context(), io.LimitReader(zeros{}, 3*part), 3*part + 1, io.ErrUnexpectedEOF},
		"long":     {t.Context(), io.LimitReader(zeros{}, 3*part), 3*part - 1, nil},
	} {
		_, err := g.b.Put(try.ctx, name("file"), try.body, vfs.PutOptions{Size: try.size, SizeKnown: try.size > 0})
		if err == nil || try.want != nil && !errors.Is(err, try.want) {
			t.Errorf("%s: %v", what, err)
		}
		if g.content(t) != "old" || g.uploads(t) != 0 {
			t.Errorf("%s: %d bytes are stored, %d uploads are open", what, len(g.content(t)), g.uploads(t))
		}
	}
	sum := sha256.New()
	body := io.TeeReader(strings.NewReader(filler(7*part+11)), sum)
	info, err := g.b.Put(t.Context(), name("file"), body, vfs.PutOptions{ContentType: "image/png"})
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256([]byte(g.content(t))) != [sha256.Size]byte(sum.Sum(nil)) {
		t.Error("other bytes arrived")
	}
	stat, err := g.b.Stat(t.Context(), name("file"), vfs.Request{})
	if err != nil || stat.ETag != info.ETag || stat.Size != info.Size || stat.ContentType != "image/png" {
		t.Errorf("Put returned %+v, Stat %+v, %v", info, stat, err)
	}
}

// endsWith is a reader that calls a function at its end and returns err.
type endsWith struct {
	r   io.Reader
	err error
	do  func()
}

func (e *endsWith) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.EOF {
		if e.do != nil {
			e.do()
		}
		if e.err != nil {
			err = e.err
		}
	}
	return n, err
}

// endpointVariable makes a test binary the process that TestKilledUpload kills.
const endpointVariable = "BAILIWICK_TEST_KILLED_UPLOAD"

// What a killed process leaves is swept according to its age.
func TestKilledUpload(t *testing.T) {
	if where := os.Getenv(endpointVariable); where != "" {
		uploadForEver(t, where)
		return
	}
	g := newGround(t)
	if _, err := g.b.Put(t.Context(), name("file"), strings.NewReader("old"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe, "-test.run=^TestKilledUpload$")
	child.Env = append(os.Environ(), endpointVariable+"="+g.Endpoint,
		"BAILIWICK_TEST_ACCESS="+g.AccessKey, "BAILIWICK_TEST_SECRET="+g.SecretKey)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "in the middle\n" {
		t.Errorf("the child printed %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if g.content(t) != "old" || g.uploads(t) != 1 {
		t.Fatalf("%d bytes are stored, %d uploads are open", len(g.content(t)), g.uploads(t))
	}
	for _, sweep := range []struct{ hours, swept, left int }{{1, 0, 1}, {0, 1, 0}, {0, 0, 0}} {
		n, err := g.b.SweepUploads(t.Context(), time.Duration(sweep.hours)*time.Hour, nil)
		if n != sweep.swept || err != nil || g.uploads(t) != sweep.left {
			t.Errorf("older than %d hours: %d swept, %v, %d left", sweep.hours, n, err, g.uploads(t))
		}
	}
	if g.content(t) != "old" {
		t.Error("the sweep changed the object")
	}
}

// uploadForEver runs in the child process.
func uploadForEver(t *testing.T, endpoint string) {
	client, err := s3.NewClient(s3.ClientOptions{Region: "us-east-1", Endpoint: endpoint, Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("BAILIWICK_TEST_ACCESS"), os.Getenv("BAILIWICK_TEST_SECRET"), "")})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{api: client, before: never, after: never}
	b, err := s3.New(f, s3.Options{Bucket: "written", Prefix: "pub", Writable: true, PartSize: part})
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	f.after = func(_ int, op string) bool {
		if op == "UploadPart" {
			close(arrived)
		}
		return false
	}
	_, err = b.Put(t.Context(), name("file"), io.MultiReader(io.LimitReader(zeros{}, two), &announces{arrived}), vfs.PutOptions{})
	t.Fatalf("Put ended: %v", err)
}

// announces prints when the service has a part, and then blocks.
type announces struct{ arrived chan struct{} }

func (a *announces) Read([]byte) (int, error) {
	<-a.arrived
	fmt.Println("in the middle")
	select {}
}
