//go:build unix

package main

import (
	"bufio"
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
)

// A client that uses a proxy, or is misconfigured to, can send a user and a password in
// the request target. No log contains them in any form, not even for a target that Go's
// parser refuses.
func TestLogsHoldNoPasswords(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a", "x@y.txt": "at"})
	file := filepath.Join(t.TempDir(), "access.jsonl")
	p := serveTree(t, dir, "--allow", "**", "--write", "--access-log", file, "--admin", "127.0.0.1:0")
	addr, admin := strings.TrimPrefix(p.url, "http://"), strings.TrimPrefix(p.admin, "http://")

	const user, secret = "ursula", "hunter2"
	forms := []string{
		"http://ursula:hunter2@HOST/a.txt",
		"http://ursula:hunter2@HOST",
		"http://ursula:hunter2@HOST?x=1",
		"HTTP://ursula:hunter2@HOST/a.txt?q=ursula@x",
		"https://ursula:hunter2@HOST/a.txt",
		"http://ursula@HOST/a.txt",
		"http://ursula:hunter2%40HOST@HOST/a.txt",
		"http://ursula:hunter2%40HOST/a.txt",
		"http://urs%75la:hunter%32@ursula:hunter2@HOST/a.txt",
		"http://ursula:hunter2%2@HOST/a.txt",
		"http://ursula:pa%sshunter2@HOST/a.txt",
		"http://ursula:8080?hunter2@HOST/a.txt",
		"http://ursula:hunter2#@HOST/a.txt",
		"http:/ursula:hunter2@HOST/a.txt",
		"http:///ursula:hunter2@HOST/a.txt",
		"http:ursula:hunter2@HOST/a.txt",
		"ursula:hunter2@HOST",
		"ursula:hunter2@HOST/a.txt",
		"//ursula:hunter2@HOST/a.txt",
		"///ursula:hunter2@HOST/a.txt",
		"ftp://ursula:hunter2@HOST/a.txt",
		"bw+x-1.0://ursula:hunter2@HOST/%zz",
		"http://ursula:hunter2@[::1]/a.txt",
		"http://ursula:hunter2@[::1/a.txt",
		"http://ursula:hunter2@HOST:99999999/a.txt",
		"http://ursula:hunter2@HOST/%2e%2e/a.txt",
		"http://ursula:hunter2@HOST//a.txt",
	}
	answered := 0
	for _, to := range []string{addr, admin} {
		for _, method := range []string{"GET", "HEAD", "PUT", "CONNECT", "OPTIONS", "BREW"} {
			for _, form := range forms {
				target := strings.ReplaceAll(form, "HOST", to)
				if !strings.Contains(target, user) {
					t.Fatalf("%s: the control has no user", target)
				}
				if status := sendRaw(t, to, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, target, to)); status < 400 {
					answered++
				}
			}
		}
	}
	// The Host header can contain them, too.
	for _, host := range []string{"ursula:hunter2@HOST", "ursula@HOST", "ursula:hunter2%40HOST", "ursula%3Ahunter2%40HOST"} {
		for _, to := range []string{addr, admin} {
			sendRaw(t, to, fmt.Sprintf("GET /a.txt HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", strings.ReplaceAll(host, "HOST", to)))
		}
	}
	if answered == 0 {
		t.Error("no target was accepted: the test proves nothing")
	}
	// A target without credentials is logged verbatim.
	for _, plain := range []string{"/x@y.txt", "/a/ur:pw@y.txt", "/@"} {
		sendRaw(t, addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", plain, addr))
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"the access log": string(log), "standard error": strings.Join(p.said(), "\n")} {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.Contains(line, user) || strings.Contains(line, secret) || strings.Contains(line, "hunter%32") {
				t.Errorf("%s has %s", what, line)
			}
		}
	}
	for _, want := range []string{`"raw":"http://***@` + addr + `/a.txt"`, `"raw":"/x@y.txt"`, `"raw":"/a/ur:pw@y.txt"`, `"raw":"/@"`, `"raw":"***@` + addr + `"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the access log has no %s", want)
		}
	}
}

// sendRaw sends a request verbatim and returns the response's status, or 0 without one.
func sendRaw(t *testing.T, addr, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}
