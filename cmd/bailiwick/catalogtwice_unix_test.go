//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCatalogOpenedTwice has one process open one SQLite file in several ways. On Unix,
// closing any descriptor of a file releases all locks that the process holds on it. A
// backup program that finds no locks assumes that it is the last user of the database and
// deletes the write-ahead log, which the server still writes to. A kill would then lose
// acknowledged uploads.
func TestCatalogOpenedTwice(t *testing.T) {
	for _, how := range []string{"once", "two sources", "symbolic link", "reload"} {
		for _, backup := range []string{"VACUUM INTO", ".backup"} {
			t.Run(how+" "+backup, func(t *testing.T) { testOpenedTwice(t, how, backup) })
		}
	}
}

func testOpenedTwice(t *testing.T, how, backup string) {
	dir := tree(t, map[string]string{"db/keep": "", "one/x": "", "two/x": ""})
	file := filepath.Join(dir, "db", "uploads.db")
	second := file
	mounts := func(sources ...string) string {
		text := "access_log: {file: off}\nlandlock: off\nmounts:\n"
		for i, source := range sources {
			at := file
			if i > 0 {
				at = second
			}
			text += fmt.Sprintf("  - {path: /%d, source: %s, uploads: {catalog: 'sqlite:%s'}}\n", i, source, at)
		}
		return text
	}
	switch how {
	case "two sources":
		writeConfig(t, dir, mounts("one", "two"))
	case "symbolic link":
		second = filepath.Join(dir, "link.db")
		if err := os.Symlink(file, second); err != nil {
			t.Fatal(err)
		}
		writeConfig(t, dir, mounts("one", "two"))
	default:
		writeConfig(t, dir, mounts("one"))
	}
	serve := func() *process {
		return launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	}
	p := serve()
	stored := map[string]string{} // content by path
	store := func(at, content string) {
		t.Helper()
		files, status, err := post(p.url+at, strings.NewReader(content), "Content-Disposition", "attachment; filename=f")
		if err != nil || status != 201 {
			t.Fatalf("POST: %d %v", status, err)
		}
		stored[at+"/"+files[0].ID] = content
	}
	store("/0", "before")
	if how == "reload" {
		// The new mounts open the catalog before the old ones close it.
		writeConfig(t, dir, mounts("one", "two"))
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, 1)
	}
	last := "/0"
	if how != "once" {
		last = "/1"
	}
	store(last, "before the backup")
	runSQLite(t, file, map[string]string{
		"VACUUM INTO": fmt.Sprintf("VACUUM INTO '%s'", filepath.Join(dir, "backup.db")),
		".backup":     fmt.Sprintf(".backup '%s'", filepath.Join(dir, "backup.db")),
	}[backup])
	for i := range 3 {
		store("/0", fmt.Sprint("after the backup ", i))
		store(last, fmt.Sprint("also after the backup ", i))
	}
	p.signal(syscall.SIGKILL)
	p.exit()
	p = serve()
	for at, content := range stored {
		if status, body := get(t, p.url+at); status != 200 || body != content {
			t.Errorf("%q was acknowledged, but GET returns %d %q", content, status, body)
		}
	}
}

// sqlite3Program returns the path of sqlite3.
func sqlite3Program(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no sqlite3: install it (Debian: apt install sqlite3)")
	}
	return program
}

// runSQLite runs a command in sqlite3, the documented tool for backups.
func runSQLite(t *testing.T, file, text string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), sqlite3Program(t), file, text).CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	return string(out)
}
