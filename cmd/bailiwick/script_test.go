package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// The tests run this test binary as the program bailiwick, and variants of it.
var commands = map[string]func(){"bailiwick": main}

// raceOptions disable the race detector's one-second wait at exit: hundreds of commands
// run here.
const raceOptions = "atexit_sleep_ms=10"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", strings.TrimSpace(raceOptions+" "+os.Getenv("GORACE")))
	testscript.Main(m, commands)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			// vet runs the go command, and go vet runs this program.
			if cache, err := os.UserCacheDir(); err == nil {
				env.Setenv("GOCACHE", cmp.Or(os.Getenv("GOCACHE"), filepath.Join(cache, "go-build")))
			}
			program, err := exec.LookPath("bailiwick")
			env.Setenv("BAILIWICK", program)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"age":     age,
			"catalog": makeCatalog,
			"exits":   exits,
			"lines":   countLines,
			"plant":   plant,
			"setlist": setList,
			"settime": setTime,
			"time":    checkTime,
		},
	})
}

// age FILE DURATION sets FILE's modification time to DURATION ago.
func age(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: age FILE DURATION")
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	at := time.Now().Add(-d)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), at, at))
}

// catalog FILE makes an empty catalog, as a server does.
func makeCatalog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: catalog FILE")
	}
	c, err := sqlite.Open(context.Background(), ts.MkAbs(args[0]), "test", sqlite.Options{})
	ts.Check(err)
	ts.Check(c.Close())
}

// settime FILE TIME sets FILE's modification time, as 2006-01-02T15:04:05.999999999Z.
func setTime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: settime FILE TIME")
	}
	at, err := time.Parse(time.RFC3339Nano, args[1])
	ts.Check(err)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), at, at))
}

// time FILE TIME checks FILE's modification time.
func checkTime(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: time FILE TIME")
	}
	st, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := st.ModTime().UTC().Format(time.RFC3339Nano); (got == args[1]) == neg {
		ts.Fatalf("the time of %s is %s", args[0], got)
	}
}

// exits CODE PROGRAM ARGS… runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// lines FILE N checks the number of lines in FILE, or in stdout or stderr.
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); got != want {
		ts.Fatalf("%s has %d lines, want %d", args[0], got, want)
	}
}

// setlist VARIABLE VALUES… sets a variable to the values, one a line.
func setList(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: setlist VARIABLE VALUES…")
	}
	ts.Setenv(args[0], strings.Join(args[1:], "\n"))
}

// plant NAME creates a file. NAME is a Go string literal without quotes.
func plant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plant NAME")
	}
	name, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte("planted"), 0o600))
}
