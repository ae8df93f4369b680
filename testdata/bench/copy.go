package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A copyCase copies the same files by several programs.
type copyCase struct {
	what     string
	files    int
	size     int64
	from, to string // "disk" or "s3"
	again    bool   // the target has all files already
}

// measureCopy measures copies between disk and S3: of many small files in one directory,
// and of one large file. bailiwick syncs each file that it writes to disk, the others do
// not. The requests are those that the S3 server logged.
func measureCopy(ctx context.Context, b *bench) error {
	rclone := b.optional(ctx, "rclone", getRclone)
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	defer store.Stop()
	versions(rclone, store.version())
	cases := []copyCase{
		{"1,500 × 4 KiB, disk to S3", 1500, 4 << 10, "disk", "s3", false},
		{"again, nothing to do", 1500, 4 << 10, "disk", "s3", true},
		{"1,500 × 4 KiB, S3 to disk", 1500, 4 << 10, "s3", "disk", false},
		{"1,500 × 4 KiB, disk to disk", 1500, 4 << 10, "disk", "disk", false},
		{"5,000 × 4 KiB, disk to S3", 5000, 4 << 10, "disk", "s3", false},
		{"256 MiB, disk to S3", 1, 256 << 20, "disk", "s3", false},
		{"256 MiB, S3 to disk", 1, 256 << 20, "s3", "disk", false},
	}
	t := &table{cases: "copy", base: "bailiwick cp", metrics: []metric{
		{title: "seconds", format: "%.2f", less: true},
		{title: "CPU s", format: "%.2f", less: true},
		{title: "S3 requests", format: "%.0f", less: true},
	}}
	places := b.newPlaces(store)
	for _, c := range cases {
		if err := places.fill(ctx, c); err != nil {
			return err
		}
	}
	programs := []string{"bailiwick cp"}
	if rclone.path != "" {
		programs = append(programs, "rclone copy")
	}
	programs = append(programs, "cp -r")
	if err := b.eachRound(ctx, func(i int) error {
		for _, c := range cases {
			for _, k := range turns(len(programs), i) {
				if programs[k] == "cp -r" && (c.from != "disk" || c.to != "disk") {
					continue
				}
				if err := b.copyOnce(ctx, t, places, c, programs[k], rclone.path); err != nil {
					return fmt.Errorf("%s, %s: %w", c.what, programs[k], err)
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	t.print(os.Stdout)
	return nil
}

// copyOnce runs one program and adds what it cost.
func (b *bench) copyOnce(ctx context.Context, t *table, places *places, c copyCase, name, rclone string) error {
	var cmd *exec.Cmd
	from, to := places.source(c), places.target(c, name)
	switch name {
	case "bailiwick cp":
		cmd = exec.CommandContext(ctx, b.bailiwick, "cp", from.bailiwick, to.bailiwick)
	case "rclone copy":
		cmd = exec.CommandContext(ctx, rclone, "copy", from.rclone, to.rclone)
	default:
		cmd = exec.CommandContext(ctx, "cp", "-r", from.dir, to.dir)
	}
	cmd.Env = places.store.env()
	if !c.again {
		// The S3 server keeps each object in a file. Between turns, it forgets them.
		if err := os.RemoveAll(to.dir); err != nil {
			return err
		}
	}
	if c.to == "disk" && name != "cp -r" {
		if err := os.MkdirAll(to.dir, 0o755); err != nil {
			return err
		}
	}
	flush()
	if err := places.store.ResetLog(); err != nil {
		return err
	}
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	spent := time.Since(begin)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if n, err := count(to.dir); err != nil || n != c.files {
		return fmt.Errorf("it copied %d files of %d: %v", n, c.files, err)
	}
	requests, err := places.store.ReadLog()
	if err != nil {
		return err
	}
	state := cmd.ProcessState
	t.add(c.what, name, spent.Seconds(), (state.UserTime() + state.SystemTime()).Seconds(), float64(len(requests)))
	return nil
}

// places are directories on disk and prefixes of the store.
type places struct {
	dir   string
	store *store
}

// A place is a directory under the names that the programs have for it.
type place struct{ dir, bailiwick, rclone string }

func (b *bench) newPlaces(s *store) *places { return &places{filepath.Join(b.dir, "copy"), s} }

func (p *places) source(c copyCase) place {
	return p.at(c.from, fmt.Sprintf("from-%dx%d", c.files, c.size))
}

// target is another one for each program: they do not agree on what makes files equal.
func (p *places) target(c copyCase, program string) place {
	name, _, _ := strings.Cut(program, " ")
	return p.at(c.to, fmt.Sprintf("to-%s-%s-%dx%d", name, c.from, c.files, c.size))
}

func (p *places) at(kind, name string) place {
	if kind == "s3" {
		return place{filepath.Join(p.store.Root, bucket, name), p.store.source(name), "b:" + bucket + "/" + name}
	}
	dir := filepath.Join(p.dir, name)
	return place{dir, dir, dir}
}

// fill makes the source of a case.
func (p *places) fill(ctx context.Context, c copyCase) error {
	from := p.source(c)
	if _, err := os.Stat(from.dir); err == nil {
		return nil
	}
	for i := range c.files {
		name := fmt.Sprintf("file-%05d.bin", i)
		var err error
		if c.from == "s3" {
			err = p.store.put(ctx, filepath.Base(from.dir)+"/"+name, c.size)
		} else {
			err = writeRandom(filepath.Join(from.dir, name), c.size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count returns the number of files in dir.
func count(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			n++
		}
	}
	return n, err
}
