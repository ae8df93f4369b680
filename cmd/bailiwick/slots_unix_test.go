//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A limit holds over a reload: what began before it counts.
func TestLimitsOutliveReload(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "bailiwick.yaml")
	write(t, config, `listen: ["127.0.0.1:0"]
access_log: {file: off}
limits: {uploads: 1}
mounts:
  - {source: `+t.TempDir()+`, allow: ["**"], write: true}
`)
	p := start(t, "serve", "--config", config)
	status := func(name string) int {
		req, err := http.NewRequest("PUT", p.url+name, strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	await := func(name string, want int) {
		t.Helper()
		for deadline := time.Now().Add(patience); status(name) != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%s: never %d", name, want)
			}
		}
	}

	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\ncon")
	await("/second", http.StatusServiceUnavailable)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	for range 5 {
		if got := status("/third"); got != http.StatusServiceUnavailable {
			t.Errorf("%d after a reload", got)
		}
	}
	fmt.Fprint(conn, "tent")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", resp, err)
	}
	await("/fourth", http.StatusCreated)
}
