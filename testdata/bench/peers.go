package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// measurePeers measures files of four kinds through servers without an access log.
func measurePeers(ctx context.Context, b *bench) error {
	wrk, err := required(ctx, "wrk", getWrk)
	if err != nil {
		return err
	}
	nginx, caddy := b.optional(ctx, "nginx", getNginx), b.optional(ctx, "caddy", getCaddy)
	versions(wrk, nginx, caddy)

	site := filepath.Join(b.dir, "site")
	files := []struct {
		what, path string
		size       int64
	}{
		{"1 KiB, depth 1", "/1k.txt", 1 << 10},
		{"1 KiB, depth 6", "/a/b/c/d/e/1k.txt", 1 << 10},
		{"100 KiB", "/100k.bin", 100 << 10},
		{"10 MiB", "/10m.bin", 10 << 20},
	}
	for _, f := range files {
		if err := writeRandom(filepath.Join(site, filepath.FromSlash(f.path)), f.size); err != nil {
			return err
		}
	}

	// The bare handler copies the header fields of a running bailiwick.
	ours := b.serve(ctx, "bailiwick", nil, site, "--allow", "**")
	model, err := ours()
	if err != nil {
		return err
	}
	defer model.stop()
	var urls []string
	for _, f := range files {
		urls = append(urls, model.url(f.path))
	}
	launchers := []launcher{ours, childLauncher(ctx, "bare handler", "bare", urls)}
	if nginx.path != "" {
		launchers = append(launchers,
			b.nginx(ctx, nginx, "nginx, disable_symlinks", "", "root "+site+"; disable_symlinks on;"),
			b.nginx(ctx, nginx, "nginx", "", "root "+site+";"))
	}
	if caddy.path != "" {
		launchers = append(launchers, b.caddy(ctx, caddy, site))
	}
	launchers = append(launchers, childLauncher(ctx, "FileServerFS", "files", site))

	idle := &table{cases: "idle", base: "bailiwick", metrics: []metric{
		{title: "start, ms", format: "%.0f", scale: 1e3, less: true},
		{title: "memory, MiB", format: "%.1f", scale: 1.0 / (1 << 20), less: true},
	}}
	for i := range b.rounds {
		for _, k := range turns(len(launchers), i) {
			if err := measureStart(launchers[k], idle, files[0].path, files[0].size); err != nil {
				return err
			}
		}
	}

	servers, stop, err := startAll(launchers)
	defer stop()
	if err != nil {
		return err
	}
	for _, p := range servers {
		for _, f := range files {
			if err := p.check(f.path, f.size); err != nil {
				return err
			}
		}
	}
	speed := &table{cases: "file", base: "bailiwick", metrics: []metric{
		{title: "requests/s", format: "%.0f"},
		{title: "CPU µs/request", format: "%.0f", scale: 1e6, less: true},
	}}
	if err := b.eachRound(ctx, func(i int) error {
		for _, f := range files {
			for _, k := range turns(len(servers), i) {
				l, err := b.wrk(ctx, wrk, servers[k], servers[k].url(f.path), f.size)
				if err != nil {
					return err
				}
				speed.add(f.what, servers[k].name, l.rate, l.cpu)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	speed.print(os.Stdout)
	fmt.Println()
	idle.print(os.Stdout)
	return nil
}

// measureStart starts a server, and measures how long it takes until it accepts a
// connection, and how much memory it holds after its first response.
func measureStart(l launcher, t *table, path string, size int64) error {
	p, err := l()
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.check(path, size); err != nil {
		return err
	}
	now, _ := memory(p.cmd.Process.Pid)
	t.add("after one request", p.name, p.took.Seconds(), float64(now))
	return nil
}

// writeRandom makes a file and the directories above it.
func writeRandom(file string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	return os.WriteFile(file, data, 0o644)
}
