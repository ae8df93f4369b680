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

// TestCatalogOpenedTwice lets one process reach one SQLite file in several ways. On
// Unix, closing any descriptor of a file ends all locks that the process has on it. A
// backup program that finds no locks takes itself for the last user of the database
// and removes its log, in which the server goes on to write. What was acknowledged
// would then be gone after a kill.
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
		// The old generation of mounts is still there when the new one opens its own.
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
		store("/0", fmt.Sprint("behind the backup ", i))
		store(last, fmt.Sprint("behind the backup, too ", i))
	}
	p.signal(syscall.SIGKILL)
	p.exit()
	p = serve()
	for at, content := range stored {
		if status, body := get(t, p.url+at); status != 200 || body != content {
			t.Errorf("%q was acknowledged, and is %d %q now", content, status, body)
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

// runSQLite runs a command of sqlite3, which README makes backups with.
func runSQLite(t *testing.T, file, text string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), sqlite3Program(t), file, text).CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	return string(out)
}
