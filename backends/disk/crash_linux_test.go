package disk_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The test binary is also the child process that is killed or that races.
const childEnv = "BAILIWICK_DISK_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		child(role, os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// startChild starts a child process in a role. It ends with the test.
func startChild(t *testing.T, role, dir string) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Scanner) {
	t.Helper()
	cmd = exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, in, bufio.NewScanner(stdout)
}

func child(role, dir string) {
	switch role {
	case "attacker":
		attack(dir)
		return
	case "FIFO writer":
		writeFIFO(dir)
		return
	}
	b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true, Portable: role == "writer, portable"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer b.Close()
	parse := func(s string) vfs.Name {
		n, err := vfs.ParseName(s)
		if err != nil {
			panic(err)
		}
		return n
	}
	if role == "creator" {
		// Each line is a name; the answer tells who created it.
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			opts := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}
			_, err := put(b, parse(in.Text()), strconv.Itoa(os.Getpid()), opts)
			switch {
			case err == nil:
				fmt.Println("made")
			case errors.Is(err, vfs.ErrPrecondition):
				fmt.Println("was there")
			default:
				fmt.Println(err, vfs.ReasonOf(err))
			}
		}
		return
	}
	for i := 0; ; i++ {
		s := fmt.Sprintf("dir %d/sub/file %d", i%3, i)
		if i%4 == 0 {
			s = "replaced" // replaced repeatedly
		}
		fmt.Println("put", i, s)
		if _, err := put(b, parse(s), object(i), vfs.PutOptions{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("done", i, s)
	}
}

// object is the content of version i, which every part of it identifies.
func object(i int) string { return strings.Repeat(fmt.Sprintf("version %06d\n", i), 1000+i%7*5000) }

// TestKill kills a writer at random moments. Every object whose Put returned exists
// completely, that of the Put in progress is absent or complete, no directory is empty,
// and the next start removes everything else.
func TestKill(t *testing.T) {
	rounds := 20
	if length.Short() {
		rounds = 8
	}
	found := 0
	for round := range rounds {
		dir := t.TempDir()
		role := []string{"writer", "writer, portable"}[round%2]
		cmd, _, out := startChild(t, role, dir)
		var kill *time.Timer // counts from the first Put, since a start may take long
		want, under := map[string]string{}, ""
		data := ""
		for out.Scan() {
			f := strings.SplitN(out.Text(), " ", 3)
			if len(f) < 3 {
				break // truncated by the kill
			}
			if kill == nil {
				kill = time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { cmd.Process.Kill() })
			}
			i, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatalf("the writer printed %q", out.Text())
			}
			if f[0] == "put" {
				under, data = f[2], object(i)
			} else {
				want[under], under = data, ""
			}
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the writer ended with %v", err)
		}
		if _, err := os.Lstat(filepath.Join(dir, staging)); err == nil {
			found++
		}
		writable(t, dir, disk.Options{Portable: round%2 == 1})
		got := map[string]string{}
		for path, what := range snapshot(t, dir) {
			path = strings.TrimPrefix(path, "/")
			if strings.HasPrefix(what, "file ") {
				got[path] = strings.TrimPrefix(what, "file ")
			} else if entries, err := os.ReadDir(filepath.Join(dir, path)); err != nil || len(entries) == 0 && path != "" {
				t.Errorf("round %d: %q is an empty directory, %v", round, path, err)
			}
		}
		if under != "" && got[under] == data {
			want[under] = data
		}
		if !maps.Equal(got, want) {
			for name := range got {
				if got[name] != want[name] {
					t.Errorf("round %d: %q does not have the stored content", round, name)
				}
			}
			for name := range want {
				if _, ok := got[name]; !ok {
					t.Errorf("round %d: %q is lost", round, name)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no kill interrupted a Put: the test proves nothing")
	}
	t.Logf("after %d of %d kills, there was something to sweep", found, rounds)
}

// TestProcessesRace: if two processes create the same name, exactly one succeeds.
func TestProcessesRace(t *testing.T) {
	dir := t.TempDir()
	var ins [2]io.WriteCloser
	var outs [2]*bufio.Scanner
	var pids [2]int
	for i := range ins {
		var cmd *exec.Cmd
		cmd, ins[i], outs[i] = startChild(t, "creator", dir)
		pids[i] = cmd.Process.Pid
		defer cmd.Wait()
		defer ins[i].Close()
	}
	b := writable(t, dir, disk.Options{})
	var wins [2]int
	for round := range 300 {
		s := []string{fmt.Sprintf("file %d", round), fmt.Sprintf("new %d/dir/file", round), "again/and/again"}[round%3]
		for i := range ins {
			fmt.Fprintln(ins[i], s)
		}
		winner := -1
		for i := range outs {
			if !outs[i].Scan() {
				t.Fatal("a process ended")
			}
			switch got := outs[i].Text(); {
			case got == "made" && winner < 0:
				winner = i
			case got != "was there":
				t.Errorf("round %d: process %d says %q, winner %d", round, i, got, winner)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: no process created %q", round, s)
		}
		wins[winner]++
		if got, _, err := get(b, name(t, s), vfs.Request{}); err != nil || got != strconv.Itoa(pids[winner]) {
			t.Errorf("round %d: %q, %v, want what process %d wrote", round, got, err, pids[winner])
		}
		if round%3 == 2 {
			if err := b.Remove(context.Background(), name(t, s), vfs.Cond{}); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("wins: %v", wins)
}
