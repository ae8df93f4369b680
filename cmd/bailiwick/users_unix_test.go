//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// withInput runs the command with text as its standard input.
func withInput(t *testing.T, text string, args ...string) (code int, said string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := command(args...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(text), &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stderr.String()
}

func fileText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantFiles checks that dir has the files and nothing else, such as a temporary file.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if names := filesIn(t, dir); !slices.Equal(names, want) {
		t.Errorf("the directory has %q, want %q", names, want)
	}
}

func wantMode(t *testing.T, file string, want os.FileMode) {
	t.Helper()
	if st, err := os.Lstat(file); err != nil || st.Mode() != want {
		t.Errorf("the mode of %s is %v (%v), want %v", file, st.Mode(), err, want)
	}
}

// TestUsersKeepFile: a changed file keeps its mode, and a link to it stays. A new file is
// private, whatever the umask is.
func TestUsersKeepFile(t *testing.T) {
	dir := tree(t, map[string]string{"real/users": users})
	file, link := filepath.Join(dir, "real", "users"), filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join("real", "users"), link); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o440, 0o604} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"alice", "bob"} {
			before := strings.Count(fileText(t, file), "\n")
			if code, said := withInput(t, "", "users", "remove", link, user); code != 0 {
				t.Fatal(said)
			}
			if n := strings.Count(fileText(t, file), "\n"); n != before-1 {
				t.Errorf("%d lines, want %d", n, before-1)
			}
			wantMode(t, file, mode)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		write(t, file, users)
	}
	if to, err := os.Readlink(link); err != nil || to != filepath.Join("real", "users") {
		t.Errorf("the link leads to %q: %v", to, err)
	}
	if code, said := withInput(t, "", "token", "new", filepath.Join(dir, "tokens"), "robot"); code != 0 {
		t.Fatal(said)
	}
	wantMode(t, filepath.Join(dir, "tokens"), 0o600)
	wantFiles(t, dir, "link", "real/users", "tokens")
}

// TestUsersRefuseFile: files that cannot be replaced without a surprise stay as they are.
func TestUsersRefuseFile(t *testing.T) {
	dir := tree(t, map[string]string{"users": users, "directory/x": ""})
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Link(at("users"), at("other")), os.Symlink("nosuch", at("dangling")), syscall.Mkfifo(at("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"users":        "it has 2 names (hard links)",
		"dangling":     "it is a link to a file that does not exist",
		"directory":    "it is not a regular file",
		"fifo":         "it is not a regular file",
		"nosuch/users": "no such file or directory",
	} {
		code, said := withInput(t, "", "token", "new", at(name), "robot")
		if code != 1 || said != "bailiwick: cannot change "+at(name)+": "+want+"\n" && !strings.HasPrefix(said, "bailiwick: cannot change "+at(name)+": "+want+", ") {
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
	if fileText(t, at("users")) != users {
		t.Error("the file has changed")
	}
	wantFiles(t, dir, "dangling", "directory/x", "fifo", "other", "users")
}

// TestUsersTogether: commands that change a file at the same time lose no change, also
// when the first of them creates it.
func TestUsersTogether(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tokens")
	const n = 24
	var wg sync.WaitGroup
	var mu sync.Mutex
	printed := map[string]bool{}
	for i := range n {
		wg.Go(func() {
			out, err := command("token", "new", file, fmt.Sprint("user", i)).Output()
			mu.Lock()
			defer mu.Unlock()
			if err != nil || printed[string(out)] {
				t.Errorf("%q: %v", out, err)
			}
			printed[string(out)] = true
		})
	}
	wg.Wait()
	text := fileText(t, file)
	for i := range n {
		if !strings.Contains("\n"+text, fmt.Sprintf("\nuser%d:", i)) {
			t.Errorf("the token of user%d is lost", i)
		}
	}
	if lines := strings.Count(text, "\n"); lines != n {
		t.Errorf("%d lines, want %d", lines, n)
	}
	wantFiles(t, dir, "tokens")
}

// TestUsersKilled kills the command while its temporary file exists: the file is the old
// one or the new one, and the next command is not hindered by what was left.
func TestUsersKilled(t *testing.T) {
	dir := t.TempDir()
	file, temp := filepath.Join(dir, "tokens"), filepath.Join(dir, ".bailiwick\u2028rewrite-tokens")
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "robot:%064x\n", i+1)
	}
	write(t, file, text.String())
	left := false
	for range 8 {
		before := fileText(t, file)
		ctx, kill := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, "bailiwick", "token", "new", file, "robot")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait()
		}()
		for running := true; running; {
			select {
			case <-ended:
				running = false
			default:
				if _, err := os.Lstat(temp); err == nil {
					kill()
					<-ended
					running = false
				}
			}
		}
		kill()
		after := fileText(t, file)
		if added, ok := strings.CutPrefix(after, before); !ok || added != "" && strings.Count(added, "\n") != 1 {
			t.Fatalf("the file of %d bytes has %d bytes, and does not have a line more", len(before), len(after))
		}
		left = left || len(filesIn(t, dir)) > 1
	}
	if !left {
		t.Error("no command was killed in the middle")
	}
	if code, said := withInput(t, "", "token", "new", file, "robot"); code != 0 {
		t.Fatal(said)
	}
	wantFiles(t, dir, "tokens")
}

// TestUsersReload: after SIGHUP, a server knows the user. The files are in the tree that it
// serves; it does not serve them, at any time.
func TestUsersReload(t *testing.T) {
	dir := tree(t, map[string]string{"a": "content", "users": users})
	file := filepath.Join(dir, "users")
	p := serveTree(t, dir, "--allow", "**", "--allow", ".*", "--htpasswd", file, "--access", "user:carol can read", "--access-log", "off")
	as := func(password, name string) int {
		t.Helper()
		req, err := http.NewRequest("GET", p.url+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("carol", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for n, step := range []struct {
		args             []string
		password         string
		battery, correct int // the status with each password
	}{
		{[]string{"users", "add", file, "carol"}, "battery staple\n", 200, 401},
		{[]string{"users", "passwd", file, "carol"}, "correct horse\n", 401, 200},
		{[]string{"users", "remove", file, "carol"}, "", 401, 401},
	} {
		if code, said := withInput(t, step.password, step.args...); code != 0 {
			t.Fatal(said)
		}
		if step.args[1] == "passwd" && as("battery staple", "/users") != 404 {
			t.Error("the replaced file is served before the reload")
		}
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, n+1)
		if status := as("battery staple", "/a"); status != step.battery {
			t.Errorf("%v, the first password: %d, want %d", step.args, status, step.battery)
		}
		if status := as("correct horse", "/a"); status != step.correct {
			t.Errorf("%v, the second password: %d, want %d", step.args, status, step.correct)
		}
		if status := as("correct horse", "/users"); status == 200 {
			t.Error("the file of users is served")
		}
	}
	if fileText(t, file) != users {
		t.Error("after adding and removing a user, the file differs")
	}
	http.DefaultClient.CloseIdleConnections()
}
