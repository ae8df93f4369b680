//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// curl runs curl with args and returns the status.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("curl", append([]string{"-sS", "-o", os.DevNull, "-w", "%{http_code}"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// An ordinary client can upload and download files, and the flags' restrictions apply.
func TestServeWrite(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "root")
	local := filepath.Join(outer, "local.txt")
	for path, data := range map[string]string{
		filepath.Join(dir, "kept.txt"): "kept", filepath.Join(dir, "hidden", "x.txt"): "hidden", local: strings.Repeat("sent\n", 1000),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := serveTree(t, dir, "--allow", "**/*.txt", "--allow", "**/*.html", "--deny", "hidden", "--write", "--max-upload", "10KiB", "--types", "text/plain, text/html")
	said := strings.Join(p.said(), "\n")
	for _, want := range []string{"clients can write", "files up to 10KiB, types text/plain, text/html", "content: untrusted"} {
		if !strings.Contains(said, want) {
			t.Errorf("standard error lacks %q:\n%s", want, said)
		}
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"201", []string{"-T", local, p.url + "/new/dir/a.txt"}},
		{"204", []string{"-T", local, p.url + "/new/dir/a.txt"}},
		{"412", []string{"-T", local, "-H", "If-None-Match: *", p.url + "/new/dir/a.txt"}},
		{"413", []string{"-X", "PUT", "-d", strings.Repeat("x", 10<<10+1), p.url + "/large.txt"}},
		{"415", []string{"-X", "PUT", "-d", "<?php system($_GET['c']); ?>", p.url + "/page.html"}},
		{"404", []string{"-X", "PUT", "-d", "x", p.url + "/page.png"}},
		{"404", []string{"-T", local, p.url + "/hidden/y.txt"}},
		{"404", []string{"-T", local, "--path-as-is", p.url + "/../escaped.txt"}},
		{"404", []string{"-T", local, p.url + "/%2e%2e/escaped.txt"}},
		{"404", []string{"-T", local, p.url + "/.profile.txt"}},
		{"404", []string{"-X", "DELETE", p.url + "/hidden/x.txt"}},
		{"404", []string{"-X", "DELETE", p.url + "/hidden/"}},
		{"409", []string{"-T", local, p.url + "/Kept.txt"}},
		{"422", []string{"-T", local, p.url + "/aux.txt"}},
		{"405", []string{"-X", "POST", "-d", "x", p.url + "/kept.txt"}},
		{"201", []string{"-X", "PUT", "-d", "<!DOCTYPE html><p>page", p.url + "/page.html"}},
		{"204", []string{"-X", "DELETE", p.url + "/new/dir/a.txt"}},
	} {
		if got := curl(t, c.args...); got != c.want {
			t.Errorf("curl %.100q: %s, want %s", c.args, got, c.want)
		}
	}
	p.await(regexp.MustCompile(`"method":"PUT","raw":"/new/dir/a\.txt".*"status":201,.*"received":5000}$`))
	p.await(regexp.MustCompile(`"method":"DELETE","raw":"/new/dir/a\.txt".*"status":204`))
	resp := request(t, p.url+"/page.html")
	if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("a page that a client uploaded: Content-Disposition is %q", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	var left []string
	if err := filepath.WalkDir(outer, func(path string, d os.DirEntry, err error) error {
		if err == nil && path != outer {
			left = append(left, strings.TrimPrefix(path, outer+"/"))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(left, " "); got != "local.txt root root/hidden root/hidden/x.txt root/kept.txt root/page.html" {
		t.Errorf("the directory has %s", got)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "kept.txt")); err != nil || !bytes.Equal(data, []byte("kept")) {
		t.Errorf("kept.txt: %q %v", data, err)
	}
}

// Without --write, nothing can be written and pages are served inline. With --write and
// --content trusted they are, too, and the start says so.
func TestServeWriteContent(t *testing.T) {
	for _, c := range []struct {
		args     []string
		put      string
		attached bool
		said     string
	}{
		{nil, "405", false, ""},
		{[]string{"--write"}, "204", true, "content: untrusted"},
		{[]string{"--write", "--content", "trusted"}, "204", false, "content: trusted"},
		{[]string{"--content", "untrusted"}, "405", true, ""},
	} {
		p := serveTree(t, tree(t, map[string]string{"a.html": "<p>a"}), append(c.args, "--allow", "**")...)
		resp := request(t, p.url+"/a.html")
		if got := strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment"); got != c.attached {
			t.Errorf("%q: attached %t", c.args, got)
		}
		if got := curl(t, "-X", "PUT", "-d", "<p>b", p.url+"/a.html"); got != c.put {
			t.Errorf("%q: PUT %s", c.args, got)
		}
		if said := strings.Join(p.said(), "\n"); !strings.Contains(said, c.said) || strings.Contains(said, "content:") != (c.said != "") {
			t.Errorf("%q: standard error is\n%s", c.args, said)
		}
	}
}
