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

// A limit applies across a reload: requests that started before it count.
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
				t.Fatalf("%s: no status %d in time", name, want)
			}
		}
	}

	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PUT /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")
	answer := bufio.NewReader(conn)
	// The server requests the body once the upload has a slot.
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := answer.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if got := status("/second"); got != http.StatusServiceUnavailable {
		t.Errorf("%d during another upload", got)
	}
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	for range 5 {
		if got := status("/third"); got != http.StatusServiceUnavailable {
			t.Errorf("%d after a reload", got)
		}
	}
	fmt.Fprint(conn, "content")
	resp, err := http.ReadResponse(answer, nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", resp, err)
	}
	await("/fourth", http.StatusCreated)
}

// A reload does not reset a client's rate, unless the configured rate changed.
func TestRatesOutliveReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bailiwick.yaml")
	config := func(rate string) {
		write(t, file, `listen: ["127.0.0.1:0"]
access_log: {file: off}
limits: {rate_per_client: `+rate+`}
mounts:
  - {source: "mem:", allow: ["**"]}
`)
	}
	config("3/h")
	p := start(t, "serve", "--config", file)
	status := func() int {
		status, _ := get(t, p.url+"/none")
		return status
	}
	for i := range 4 {
		if got, want := status(), http.StatusNotFound; i < 3 && got != want || i == 3 && got != http.StatusTooManyRequests {
			t.Errorf("request %d: %d", i+1, got)
		}
	}
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	if got := status(); got != http.StatusTooManyRequests {
		t.Errorf("%d after a reload", got)
	}
	config("4/h")
	p.signal(syscall.SIGHUP)
	for deadline := time.Now().Add(patience); status() != http.StatusNotFound; {
		if time.Now().After(deadline) {
			t.Fatal("a changed rate did not reset the count")
		}
	}
}
