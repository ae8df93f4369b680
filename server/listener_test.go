package server_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
)

// serveOver serves h on a listener of NewListener, or of net, and returns its address.
func serveOver(t *testing.T, h http.Handler, plain bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, WriteTimeout: time.Minute, ReadHeaderTimeout: time.Minute, IdleTimeout: time.Minute}
	if !plain {
		l, s.ConnContext = server.NewListener(l), server.ConnContext
	}
	served := make(chan struct{})
	go func() {
		s.Serve(l)
		close(served)
	}()
	t.Cleanup(func() { s.Close(); <-served })
	return l.Addr().String()
}

// Over connections of NewListener, clients receive the same bytes as over those of net,
// whatever they request and in whatever order on one connection.
func TestNewListener(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, 1 << 10, 4 << 10, 5000, 32 << 10, 32<<10 + 1, 100 << 10, 1 << 20, 5 << 20} {
		data := make([]byte, size)
		rnd.Read(data)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(size)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := disk.New(dir, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, minRate := range []int64{0, 1 << 10, 1 << 30} {
		h := server.New(jailOver(t, b, allow("**")), server.Config{MinRate: minRate, Logger: quiet})
		var all [2][]string
		for i, plain := range []bool{true, false} {
			conn, err := net.Dial("tcp", serveOver(t, h, plain))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			read := bufio.NewReader(conn)
			for _, size := range []string{"102400", "0", "5242880", "1", "1024", "4096", "5000", "missing", "32768", "32769", "1048576"} {
				for _, request := range []string{"GET", "HEAD", "GET Range: bytes=7-70000", "GET Range: bytes=-40000", "GET If-None-Match: *", "POST"} {
					method, header, _ := strings.Cut(request, " ")
					if header == "" {
						header = "X: y"
					}
					fmt.Fprintf(conn, "%s /%s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", method, size, header)
					r, _ := http.NewRequest(method, "/", nil)
					res, err := http.ReadResponse(read, r)
					if err != nil {
						t.Fatal(plain, size, request, err)
					}
					body, err := io.ReadAll(res.Body)
					if err != nil {
						t.Fatal(plain, size, request, err)
					}
					res.Header.Del("Date")
					all[i] = append(all[i], fmt.Sprint(size, request, res.Status, res.Header, len(body), sha256.Sum256(body)))
				}
			}
		}
		for i := range all[0] {
			if all[0][i] != all[1][i] {
				t.Errorf("plain: %s\nours: %s", all[0][i], all[1][i])
			}
		}
	}
}

// A file that shrinks while it is sent aborts the response, as does a client that stops
// reading.
func TestNewListenerAborts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(dir, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	rec := &recorder{}
	addr := serveOver(t, server.New(jailOver(t, b, allow("**")), server.Config{MinRate: 1 << 10, Recorder: rec, Logger: quiet}), false)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil || n == int64(len(data)) {
		t.Errorf("received %d bytes, %v", n, err)
	}
	gone, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	io.WriteString(gone, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	io.ReadFull(gone, make([]byte, 1000))
	gone.Close()
	for _, a := range rec.wait(t, 2) {
		if !a.Aborted || a.Bytes >= int64(len(data)) {
			t.Errorf("aborted: %t after %d bytes", a.Aborted, a.Bytes)
		}
	}
}
