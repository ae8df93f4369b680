//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"
)

// BenchmarkServeAll gets 1 KiB over loopback on open connections from two servers: one
// without authentication or logs, and one with passwords, access rules, metrics and a log
// file. The two alternate within one run, so that other load on the machine affects both.
// Both times include the clients. The ratios of elapsed and of CPU time are those of the
// full server to the plain one.
func BenchmarkServeAll(b *testing.B) {
	dir, etc := b.TempDir(), b.TempDir()
	put := func(file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	put(filepath.Join(dir, "a.html"), strings.Repeat("x", 1<<10))
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		b.Fatal(err)
	}
	users := filepath.Join(etc, "users")
	put(users, "alice:"+string(hash)+"\n")
	plain, full := filepath.Join(etc, "plain.yaml"), filepath.Join(etc, "full.yaml")
	put(plain, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
landlock: "off"
access_log: {file: "off"}
mounts: [{path: /, source: %s, allow: ["**/*.html"]}]
`, dir))
	put(full, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
landlock: "off"
admin: "127.0.0.1:0"
access_log: {file: %s}
users: {htpasswd: %s}
groups: {others: [bob]}
mounts:
  - path: /
    source: %s
    allow: ["**/*.html"]
    access:
      - {who: "group:others", can: [read], names: ["others/**"]}
      - {who: authenticated, can: [read, list], names: ["**"]}
`, filepath.Join(etc, "access.jsonl"), users, dir))

	off := newBenchServer(b, plain, "")
	on := newBenchServer(b, full, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("alice:secret"))+"\r\n")
	for b.Loop() {
		off.measure(b)
		on.measure(b)
	}
	b.ReportMetric(float64(on.elapsed.Nanoseconds())/float64(on.requests), "ns/GET")
	b.ReportMetric(float64(on.elapsed)/float64(off.elapsed), "×time")
	b.ReportMetric(float64(on.cpu)/float64(off.cpu), "×cpu")
}

// A benchServer is a running server with connections to it and its measurements.
type benchServer struct {
	conns    []net.Conn
	request  []byte
	response int // bytes of a response; all are the same
	elapsed  time.Duration
	cpu      time.Duration
	requests int
}

// newBenchServer runs a server in this process, so that profiles include it.
func newBenchServer(b *testing.B, config, header string) *benchServer {
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan struct{})
	stderr := &watchedOutput{onWrite: func(line string) {
		if addr, ok := strings.CutPrefix(line, "listening on http://"); ok {
			ready <- strings.TrimSpace(addr)
		}
	}}
	go func() {
		defer close(done)
		run(ctx, []string{"serve", "--config", config}, strings.NewReader(""), io.Discard, stderr, nil)
	}()
	b.Cleanup(func() {
		cancel()
		<-done
	})
	var addr string
	select {
	case addr = <-ready:
	case <-done:
		b.Fatal(stderr.text.String())
	}
	r := &benchServer{request: []byte("GET /a.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n" + header + "\r\n")}
	for range 8 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		r.conns = append(r.conns, conn)
	}
	if _, err := r.conns[0].Write(r.request); err != nil {
		b.Fatal(err)
	}
	var head bytes.Buffer
	res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(r.conns[0], &head)), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
		b.Fatal(res.Status, err)
	}
	r.response = head.Len()
	return r
}

// measure sends requests on each connection: few enough to alternate often with the other
// server, and enough for the timer's resolution.
func (r *benchServer) measure(b *testing.B) {
	const turn = 64
	start, cpu := time.Now(), processorTime(b)
	var group errgroup.Group
	for _, conn := range r.conns {
		group.Go(func() error {
			buf := make([]byte, 4<<10)
			for range turn {
				if _, err := conn.Write(r.request); err != nil {
					return err
				}
				for left := r.response; left > 0; {
					n, err := conn.Read(buf[:min(left, len(buf))])
					if err != nil {
						return err
					}
					left -= n
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	r.elapsed += time.Since(start)
	r.cpu += processorTime(b) - cpu
	r.requests += turn * len(r.conns)
}

// processorTime returns the CPU time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
