package s3_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A cutBody breaks off after the first read.
type cutBody struct {
	io.ReadCloser
	reads *int
}

func (b cutBody) Read(p []byte) (int, error) {
	if *b.reads++; *b.reads > 1 {
		return 0, io.ErrUnexpectedEOF
	}
	return b.ReadCloser.Read(p[:min(len(p), 1000)])
}

// A stalledBody yields its bytes and then nothing until it is ended.
type stalledBody struct {
	ctx context.Context
	r   io.Reader
}

func (b stalledBody) Read(p []byte) (int, error) {
	if n, _ := b.r.Read(p); n > 0 {
		return n, nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (b stalledBody) Close() error { return nil }

// stall makes the first n streams of f stop after some bytes.
func stall(f *fake, n, after int) {
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		if n--; err == nil && n >= 0 {
			out.Body = stalledBody{ctx, io.LimitReader(out.Body, int64(after))}
		}
		return out, err
	}
}

func TestStalledStream(t *testing.T) {
	data := numbers(100_000)
	tests := []struct {
		what          string
		stalls, after int
		want          error
		idle          time.Duration // option
		took          time.Duration // at least
	}{
		{"once, at the start", 1, 0, nil, 0, 30 * time.Second},
		{"once, midway", 1, 10_000, nil, 0, 30 * time.Second},
		{"once, in the last bytes", 1, 99_000, nil, time.Minute, time.Minute},
		{"for ever", 1000, 1000, vfs.ErrUnavailable, 5 * time.Second, 20 * time.Second},
		// All bytes have come, but not the confirmation that they are right.
		{"behind the last byte", 1, 100_000, vfs.ErrChanged, 0, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(map[string]string{"file": data})
				stall(f, tt.stalls, tt.after)
				b := newBackend(t, f, s3.Options{IdleTimeout: tt.idle})
				start := time.Now()
				_, got, err := fetch(t.Context(), b, vfs.Request{})
				if !errors.Is(err, tt.want) || errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if tt.want == nil && got != data || tt.want != nil && len(got) > len(data)-32<<10 {
					t.Errorf("%d bytes came", len(got))
				}
				if took := time.Since(start); took < tt.took || took > tt.took+10*time.Second {
					t.Errorf("it took %v, want about %v", took, tt.took)
				}
			})
		})
	}
}

// A slow reader is not treated as a service that sends nothing.
func TestSlowReaderIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := numbers(100_000)
		f := newFake(map[string]string{"file": data})
		obj, err := newBackend(t, f, s3.Options{}).Open(t.Context(), name("file"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		time.Sleep(time.Hour)
		if _, err := io.ReadFull(obj.Body, make([]byte, 50_000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		rest, err := io.ReadAll(obj.Body)
		if err != nil || string(rest) != data[50_000:] {
			t.Errorf("%d bytes, %v", len(rest), err)
		}
		if ops := f.ops(); ops != "GetObject" {
			t.Errorf("calls: %s", ops)
		}
	})
}

// A canceled context ends every wait: for bytes, and between two streams.
func TestCancelWhileWaiting(t *testing.T) {
	for what, breakIt := range map[string]func(f *fake){
		"for bytes": func(f *fake) { stall(f, 1, 10_000) },
		"between streams": func(f *fake) {
			f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
				if in.Range != nil {
					t.Error("the wait was not ended")
				}
				out, err := f.answerGet(ctx, in)
				out.Body = cutBody{out.Body, new(int)}
				return out, err
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(map[string]string{"file": numbers(100_000)})
				breakIt(f)
				ctx, cancel := context.WithCancel(t.Context())
				obj, err := newBackend(t, f, s3.Options{}).Open(ctx, name("file"), vfs.Request{})
				if err != nil {
					t.Fatal(err)
				}
				defer obj.Body.Close()
				done := make(chan error)
				go func() {
					_, err := io.Copy(io.Discard, obj.Body)
					done <- err
				}()
				synctest.Wait()
				start := time.Now()
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) || !time.Now().Equal(start) {
					t.Errorf("got %v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// More bytes than promised mean another object.
func TestLongerBody(t *testing.T) {
	f := newFake(map[string]string{"file": numbers(1000)})
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		out.ContentLength = aws.Int64(999)
		return out, err
	}
	if _, got, err := fetch(t.Context(), newBackend(t, f, s3.Options{}), vfs.Request{}); got != "" || !errors.Is(err, vfs.ErrChanged) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Readers may give bytes and an error at once, one byte at a time, or nothing.
func TestOddReaders(t *testing.T) {
	data := numbers(70_000)
	for what, odd := range map[string]func(io.Reader) io.Reader{
		"bytes with EOF":  iotest.DataErrReader,
		"half of it":      iotest.HalfReader,
		"a byte a time":   iotest.OneByteReader,
		"nothing between": func(r io.Reader) io.Reader { return &pausing{r: r} },
	} {
		f := newFake(map[string]string{"file": data})
		f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
			out, err := f.answerGet(ctx, in)
			out.Body = struct {
				io.Reader
				io.Closer
			}{odd(out.Body), out.Body}
			return out, err
		}
		if _, got, err := fetch(t.Context(), newBackend(t, f, s3.Options{}), vfs.Request{}); got != data || err != nil {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
		if ops := f.ops(); ops != "GetObject" {
			t.Errorf("%s: calls: %s", what, ops)
		}
	}
	// An error returned with the last bytes is not lost.
	f := newFake(map[string]string{"file": data})
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		out.Body = io.NopCloser(&errorOnce{r: out.Body, left: len(data)})
		return out, err
	}
	if _, got, err := fetch(t.Context(), newBackend(t, f, s3.Options{}), vfs.Request{}); len(got) > len(data)-32<<10 || !errors.Is(err, vfs.ErrChanged) {
		t.Errorf("an error with the last bytes: %d bytes, %v", len(got), err)
	}
}

// An errorOnce fails together with its last bytes, and only once.
type errorOnce struct {
	r    io.Reader
	left int
}

func (e *errorOnce) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if e.left -= n; e.left == 0 && n > 0 {
		err = errors.New("checksum did not match")
	}
	return n, err
}

type pausing struct {
	r     io.Reader
	turns int
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.turns++; p.turns%2 == 0 {
		return 0, nil
	}
	return p.r.Read(b)
}

// A call beyond the limit waits a second and fails. Reading a body does not count.
func TestMaxInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string]string{"file": numbers(100_000), "empty": ""})
		b := newBackend(t, f, s3.Options{MaxInFlight: 1})
		obj, err := b.Open(t.Context(), name("file"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan struct{})
		f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
			<-answer
			return f.answerGet(ctx, in)
		}
		waiting := make(chan error)
		go func() {
			_, _, err := fetch(t.Context(), b, vfs.Request{})
			waiting <- err
		}()
		synctest.Wait()
		f.taken()
		busy := func(call string, err error) {
			t.Helper()
			if !errors.Is(err, vfs.ErrUnavailable) {
				t.Errorf("%s beyond the limit: %v", call, err)
			}
		}
		if _, err := io.ReadFull(obj.Body, make([]byte, 1000)); err != nil {
			t.Errorf("reading beyond the limit: %v", err)
		}
		start := time.Now()
		_, err = b.Open(t.Context(), name("file"), vfs.Request{})
		busy("Open", err)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it waited %v, want 1s", d)
		}
		_, err = b.Stat(t.Context(), name("file"), vfs.Request{})
		busy("Stat", err)
		for _, err := range b.List(t.Context(), vfs.Root, "") {
			busy("List", err)
		}
		if calls := f.taken(); len(calls) != 0 {
			t.Errorf("beyond the limit there were calls: %v", calls)
		}

		go func() {
			_, err := b.Stat(t.Context(), name("file"), vfs.Request{})
			waiting <- err
		}()
		synctest.Wait()
		close(answer)
		for range 2 {
			if err := <-waiting; err != nil {
				t.Errorf("once the answer came: %v", err)
			}
		}
		obj.Body.Close()
		for _, do := range []func() error{
			func() error {
				_, _, err := fetch(t.Context(), b, vfs.Request{Range: vfs.RangeFrom(1 << 40)})
				return err
			},
			func() error { _, err := b.Open(t.Context(), name("missing"), vfs.Request{}); return err },
			func() error {
				obj, err := b.Open(t.Context(), name("empty"), vfs.Request{Range: vfs.RangeFrom(5)})
				if err == nil {
					obj.Body.Close()
				}
				return err
			},
			func() error {
				obj, err := b.Open(t.Context(), name("file"), vfs.Request{})
				if err == nil {
					obj.Body.Close()
					obj.Body.Close()
				}
				return err
			},
			func() error { _, err := b.Stat(t.Context(), name("missing"), vfs.Request{}); return err },
		} {
			for range 3 {
				if err := do(); errors.Is(err, vfs.ErrUnavailable) {
					t.Errorf("a slot was lost: %v", err)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Stat(ctx, name("file"), vfs.Request{}); !errors.Is(err, context.Canceled) {
			t.Errorf("under a canceled context: %v", err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.reads != 0 {
			t.Errorf("%d bodies were not closed", f.reads)
		}
	})
}

func TestReadAfterClose(t *testing.T) {
	f := newFake(map[string]string{"file": "data"})
	obj, err := newBackend(t, f, s3.Options{}).Open(t.Context(), name("file"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	obj.Body.Close()
	if _, err := obj.Body.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

// Versions never mix, whatever is put during a read.
func TestReplacedWhileRead(t *testing.T) {
	a, b := strings.Repeat("a", 200_000), strings.Repeat("b", 200_000)
	f := newFake(map[string]string{"file": a})
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		if err == nil {
			out.Body = cutBody{out.Body, new(int)}
		}
		return out, err
	}
	backend := newBackend(t, f, s3.Options{})
	obj, err := backend.Open(t.Context(), name("file"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if _, err := io.ReadFull(obj.Body, make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	f.put("file", b)
	rest, err := io.ReadAll(obj.Body)
	if !errors.Is(err, vfs.ErrChanged) || strings.Contains(string(rest), "b") {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}

// A stream's memory does not depend on the object's size.
func TestFlatMemory(t *testing.T) {
	const size = 256 << 20
	f := newFake(map[string]string{"file": ""})
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		out.Body, out.ContentLength = io.NopCloser(io.LimitReader(zeros{}, size)), aws.Int64(size)
		return out, err
	}
	b := newBackend(t, f, s3.Options{})
	buf := make([]byte, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	obj, err := b.Open(t.Context(), name("file"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{obj.Body}, buf)
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("one body allocated %d bytes", grown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Many concurrent bodies, some of which break, never mix their bytes.
func TestParallelBodies(t *testing.T) {
	objects := map[string]string{}
	for _, c := range "abcdefgh" {
		objects[string(c)] = strings.Repeat(string(c), 150_000)
	}
	f := newFake(objects)
	var mu sync.Mutex
	i := 0
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		mu.Lock()
		defer mu.Unlock()
		if i++; err == nil && in.IfMatch == nil && i%3 == 0 {
			out.Body = cutBody{out.Body, new(int)}
		}
		return out, err
	}
	b := newBackend(t, f, s3.Options{MaxInFlight: 16})
	var wg sync.WaitGroup
	for key, want := range objects {
		wg.Go(func() {
			for range 4 {
				obj, err := b.Open(t.Context(), name(key), vfs.Request{Range: vfs.RangeFrom(10)})
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(obj.Body)
				if err != nil || string(got) != want[10:] {
					t.Errorf("%s: %d bytes, %v", key, len(got), err)
				}
				obj.Body.Close()
			}
		})
	}
	wg.Wait()
}
