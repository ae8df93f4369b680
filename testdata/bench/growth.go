package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// measureGrowth measures how the cost grows with what a server has to hold or to search.
func measureGrowth(ctx context.Context, b *bench) error {
	wrk, err := required(ctx, "wrk", getWrk)
	if err != nil {
		return err
	}
	for _, measure := range []func() error{
		func() error { return b.growConfigurations(ctx, wrk) },
		func() error { return b.growDirectories(ctx) },
		func() error { return b.growPrefixes(ctx) },
		func() error { return b.growClients(ctx) },
	} {
		if err := measure(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// A setting is a configuration of some size, and a request that costs the most.
type setting struct {
	what   string
	yaml   string
	target string
	header []string
}

// growConfigurations measures start, memory and requests with few and with many mounts,
// rules and users. The base of the ratios is the configuration with one mount.
func (b *bench) growConfigurations(ctx context.Context, wrk program) error {
	root := filepath.Join(b.dir, "grow")
	if err := writeRandom(filepath.Join(root, "dir", "1k.txt"), 1<<10); err != nil {
		return err
	}
	settings := []setting{
		mounts(root, 1), mounts(root, 100),
		rules(root, "dir%d/**/*.txt", 10), rules(root, "dir%d/**/*.txt", 1000),
		rules(root, "**/*.ext%d", 10), rules(root, "**/*.ext%d", 1000),
	}
	for _, n := range []int{10, 100_000} {
		s, err := b.users(root, n)
		if err != nil {
			return err
		}
		settings = append(settings, s)
	}
	// The file of the configuration may have 1 MiB.
	for _, n := range []int{10, 50_000} {
		s, err := b.users(root, n)
		if err != nil {
			return err
		}
		settings = append(settings, s.inGroup(n))
	}
	t := &table{cases: "1 KiB", base: settings[0].what, inverse: true, metrics: []metric{
		{title: "start, ms", format: "%.0f", scale: 1e3},
		{title: "memory, MiB", format: "%.1f", scale: 1.0 / (1 << 20)},
		{title: "CPU µs/request", format: "%.1f", scale: 1e6},
	}}
	if err := b.eachRound(ctx, func(i int) error {
		for _, k := range turns(len(settings), i) {
			s := settings[k]
			file := filepath.Join(b.dir, "grow.yaml")
			text := "listen: [\"127.0.0.1:0\"]\naccess_log: {file: \"off\"}\n" + s.yaml
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				return err
			}
			p, err := start(ctx, s.what, "", exec.Command(b.bailiwick, "serve", "--config", file))
			if err != nil {
				return err
			}
			l, err := b.wrk(ctx, wrk, p, p.url(s.target), 1<<10, s.header...)
			now, _ := memory(p.cmd.Process.Pid)
			p.stop()
			if err != nil {
				return err
			}
			t.add("", s.what, p.took.Seconds(), float64(now), l.cpu)
		}
		return nil
	}); err != nil {
		return err
	}
	t.print(os.Stdout)
	return nil
}

func mounts(root string, n int) setting {
	var y strings.Builder
	y.WriteString("mounts:\n")
	for i := range n {
		fmt.Fprintf(&y, "  - {path: /m%03d, source: %s, allow: [\"**\"]}\n", i, root)
	}
	return setting{fmt.Sprintf("mounts: %d", n), y.String(), "/m000/dir/1k.txt", nil}
}

// rules has n rules, half of them deny rules, and a last one that allows the file.
func rules(root, pattern string, n int) setting {
	var allow, deny strings.Builder
	for i := range n / 2 {
		fmt.Fprintf(&allow, "\""+pattern+"\", ", i)
		fmt.Fprintf(&deny, "\""+pattern+"\", ", n+i)
	}
	return setting{fmt.Sprintf("rules such as `%s`: %s", fmt.Sprintf(pattern, 7), grouped(fmt.Sprint(n))),
		fmt.Sprintf("mounts:\n  - {path: /, source: %s, allow: [%s\"dir/1k.txt*\"], deny: [%s]}\n", root, allow.String(), strings.TrimSuffix(deny.String(), ", ")),
		"/dir/1k.txt", nil}
}

// users has n users with passwords, who may read. The last one asks.
func (b *bench) users(root string, n int) (setting, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		return setting{}, err
	}
	var file strings.Builder
	for i := range n {
		fmt.Fprintf(&file, "%s:%s\n", userName(i), hash)
	}
	path := filepath.Join(b.dir, fmt.Sprintf("users-%d", n))
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		return setting{}, err
	}
	credentials := base64.StdEncoding.EncodeToString([]byte(userName(n-1) + ":secret"))
	return setting{fmt.Sprintf("users: %s", grouped(fmt.Sprint(n))),
		fmt.Sprintf("users: {htpasswd: %s}\nmounts:\n  - path: /\n    source: %s\n    allow: [\"**\"]\n    access: [{who: authenticated, can: [read]}]\n", path, root),
		"/dir/1k.txt", []string{"Authorization: Basic " + credentials}}, nil
}

// inGroup grants access to the n users as members of one group.
func (s setting) inGroup(n int) setting {
	var names strings.Builder
	for i := range n {
		names.WriteString(userName(i) + ", ")
	}
	s.what += ", all in one group"
	s.yaml = "groups: {all: [" + strings.TrimSuffix(names.String(), ", ") + "]}\n" + strings.Replace(s.yaml, "who: authenticated", "who: \"group:all\"", 1)
	return s
}

func userName(i int) string { return fmt.Sprintf("user%06d", i) }

// pageSize is the number of names in a page of JSON.
const pageSize = 1000

// listingTable has the costs of listings.
func listingTable(what, base string) *table {
	return &table{cases: what, base: base, inverse: true, metrics: []metric{
		{title: "first page, ms", format: "%.1f", scale: 1e3},
		{title: "last page, ms", format: "%.1f", scale: 1e3},
		{title: "most memory, MiB", format: "%.1f", scale: 1.0 / (1 << 20)},
	}}
}

// growDirectories measures pages of directories on disk. A page has 1,000 names.
func (b *bench) growDirectories(ctx context.Context) error {
	root := filepath.Join(b.dir, "directories")
	t := listingTable("names on disk", "1,000")
	sizes := []int{1000, 10_000, 100_000, 1_000_000}
	for _, n := range sizes {
		if err := manyFiles(filepath.Join(root, fmt.Sprint(n)), n); err != nil {
			return err
		}
	}
	return b.listings(ctx, t, sizes, func() (*process, error) {
		return b.serve(ctx, "bailiwick", nil, root, "--allow", "**", "--list", "--no-index")()
	})
}

// growPrefixes is growDirectories for S3. The S3 server reads a directory, too.
func (b *bench) growPrefixes(ctx context.Context) error {
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	defer store.Stop()
	sizes := []int{1000, 10_000, 100_000}
	for _, n := range sizes {
		if err := manyFiles(filepath.Join(store.Root, bucket, fmt.Sprint(n)), n); err != nil {
			return err
		}
	}
	t := listingTable("objects in S3", "1,000")
	return b.listings(ctx, t, sizes, func() (*process, error) {
		return b.serve(ctx, "bailiwick", store.env(), store.source(""), "--allow", "**", "--list", "--no-index")()
	})
}

func (b *bench) listings(ctx context.Context, t *table, sizes []int, serve launcher) error {
	if err := b.eachRound(ctx, func(i int) error {
		for _, k := range turns(len(sizes), i) {
			n := sizes[k]
			p, err := serve()
			if err != nil {
				return err
			}
			first, last, err := pages(p, n)
			_, most := memory(p.cmd.Process.Pid)
			p.stop()
			if err != nil {
				return err
			}
			t.add("", grouped(fmt.Sprint(n)), first.Seconds(), last.Seconds(), float64(most))
		}
		return nil
	}); err != nil {
		return err
	}
	t.print(os.Stdout)
	return nil
}

// pages gets the first and the last page of the directory with n names. It takes the faster
// of two tries: in the first one, the kernel may not have the directory in memory.
func pages(p *process, n int) (first, last time.Duration, err error) {
	c, err := dial(p.addr)
	if err != nil {
		return 0, 0, err
	}
	defer c.close()
	get := func(target string) (time.Duration, error) {
		best := time.Duration(0)
		for range 2 {
			begin := time.Now()
			if _, _, err := c.get(p.addr, target, "Accept: application/json"); err != nil {
				return 0, err
			}
			if spent := time.Since(begin); best == 0 || spent < best {
				best = spent
			}
		}
		return best, nil
	}
	target := fmt.Sprintf("/%d/?limit=%d", n, pageSize)
	if first, err = get(target); err == nil {
		last, err = get(target + "&after=" + url.QueryEscape(fileName(n-pageSize-1)))
	}
	return first, last, err
}

func fileName(i int) string { return fmt.Sprintf("file-%07d.txt", i) }

// manyFiles makes empty files, not in the order of their names. Hard links to one file take
// a fraction of the time.
func manyFiles(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	const linksEach = 50_000 // ext4 allows 65,000
	original := ""
	for i := range n {
		file := filepath.Join(dir, fileName(i*7919%n))
		if i%linksEach == 0 {
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				return err
			}
			original = file
			continue
		}
		if err := os.Link(original, file); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: n and 7919 are not coprime", file)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// growClients measures the memory for each client that is slow: it has sent nothing but a
// connection, or it does not read what it asked for.
func (b *bench) growClients(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		b.note("The memory of slow clients is measured on Linux only.")
		return nil
	}
	root := filepath.Join(b.dir, "clients")
	for name, size := range map[string]int64{"100k.bin": 100 << 10, "10m.bin": 10 << 20} {
		if err := writeRandom(filepath.Join(root, name), size); err != nil {
			return err
		}
	}
	most := b.descriptors()
	ours := b.serve(ctx, "bailiwick", nil, root, "--allow", "**", "--connections", "0", "--requests-in-flight", "0")
	model, err := ours()
	if err != nil {
		return err
	}
	defer model.stop()
	launchers := []launcher{
		ours,
		childLauncher(ctx, "bare handler", "bare", []string{model.url("/100k.bin"), model.url("/10m.bin")}),
		childLauncher(ctx, "FileServerFS", "files", root),
	}
	t := &table{cases: "slow clients", base: "bailiwick", metrics: []metric{{title: "memory, KiB/client", format: "%.1f", scale: 1.0 / (1 << 10), less: true}}}
	for _, n := range []int{10, min(10_000, most)} {
		for _, target := range []string{"", "/100k.bin", "/10m.bin"} {
			what := fmt.Sprintf("%s idle connections", grouped(fmt.Sprint(n)))
			if target != "" {
				what = fmt.Sprintf("%s that do not read %s", grouped(fmt.Sprint(n)), target)
			}
			for _, l := range launchers {
				p, err := l()
				if err != nil {
					return err
				}
				each, err := slowClients(p, target, n)
				p.stop()
				if err != nil {
					return fmt.Errorf("%s: %s: %w", p.name, what, err)
				}
				t.add(what, p.name, each)
			}
		}
	}
	t.print(os.Stdout)
	return nil
}
