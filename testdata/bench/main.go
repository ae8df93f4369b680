// Command bench measures bailiwick beside other programs on one machine. It prints tables
// in Markdown.
//
// The programs under measurement take turns, so that other load on the machine affects all
// of them. A ratio is the median of the ratios of the rounds. Absolute figures of two runs
// cannot be compared, ratios can.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// A subject is what one run measures.
type subject struct {
	name, about string
	rounds      int
	measure     func(ctx context.Context, b *bench) error
}

var subjects = []subject{
	{"peers", "files over HTTP: nginx, Caddy, FileServerFS and a bare handler", 5, measurePeers},
	{"s3", "objects over HTTP: a bare reverse proxy, rclone and nginx", 5, measureS3},
	{"cache", "objects in S3 through a cache: files on disk, nginx's cache, no cache", 5, measureCache},
	{"copy", "cp between disk and S3: rclone and cp -r", 3, measureCopy},
	{"write", "PUT and uploads of 1 MiB: a careful bare handler", 5, measureWrite},
	{"growth", "the cost of many mounts, rules, users, names, objects and slow clients", 3, measureGrowth},
}

// A bench is one run.
type bench struct {
	dir       string // temporary
	bailiwick string // the program
	rounds    int
	turn      time.Duration
	began     time.Time
	budget    time.Duration
	notes     []string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		if err := child(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: testdata/bench/SUBJECT [flags]")
		for _, s := range subjects {
			fmt.Fprintf(os.Stderr, "  %-7s %s\n", s.name, s.about)
		}
		flags.PrintDefaults()
	}
	rounds := flags.Int("rounds", 0, "how often each program takes its turn (default 3 or 5)")
	turn := flags.Duration("turn", time.Second, "length of a turn, in whole seconds")
	budget := flags.Duration("budget", 165*time.Second, "start no further round that would end later than this")
	dir := flags.String("dir", os.TempDir(), "where the files are; a directory in memory makes fsync cost nothing")
	if len(os.Args) < 2 {
		flags.Usage()
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:]) // exits on an error
	for _, s := range subjects {
		if s.name != os.Args[1] {
			continue
		}
		if *rounds == 0 {
			*rounds = s.rounds
		}
		b := &bench{rounds: *rounds, turn: max(time.Second, turn.Truncate(time.Second)), budget: *budget}
		if err := b.run(*dir, s); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			os.Exit(1)
		}
		return
	}
	flags.Usage()
	os.Exit(2)
}

// run measures s with temporary files below parent.
func (b *bench) run(parent string, s subject) (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if b.dir, err = os.MkdirTemp(parent, "bailiwick-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	// nginx's workers may run as another user.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	b.bailiwick = filepath.Join(b.dir, "bailiwick")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.bailiwick, "./cmd/bailiwick")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building bailiwick: %w", err)
	}
	describeMachine(ctx, b.dir)
	b.began = time.Now()
	if err := s.measure(ctx, b); err != nil {
		return err
	}
	for _, n := range b.notes {
		fmt.Printf("\n%s\n", n)
	}
	fmt.Printf("\nMeasured in %.0f s.\n", time.Since(b.began).Seconds())
	return nil
}

// note adds a line to the end of the output.
func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// eachRound calls round until the rounds are done, or another one would exceed the budget.
// Odd rounds should measure in reverse order, so that no program always follows the same
// other one.
func (b *bench) eachRound(ctx context.Context, round func(i int) error) error {
	var longest time.Duration
	for i := range b.rounds {
		if i > 0 && time.Since(b.began)+longest > b.budget {
			b.note("Only %d of %d rounds fitted into %v.", i, b.rounds, b.budget)
			return nil
		}
		begin := time.Now()
		if err := round(i); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		longest = max(longest, time.Since(begin))
	}
	return nil
}
