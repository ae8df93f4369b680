package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// coldObjects is how many objects of a size are read once, per turn.
var coldObjects = map[int64]int{1 << 10: 400, 100 << 10: 200, 10 << 20: 12}

// measureCache measures a cache before an S3 server: warm against files on disk and
// nginx's cache, cold against no cache.
func measureCache(ctx context.Context, b *bench) error {
	wrk, err := required(ctx, "wrk", getWrk)
	if err != nil {
		return err
	}
	nginx := b.optional(ctx, "nginx", getNginx)
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	defer store.Stop()
	versions(wrk, nginx, store.version())

	site := filepath.Join(b.dir, "site")
	locations := ""
	for size, count := range coldObjects {
		file := fmt.Sprintf("%d.bin", size)
		if err := writeRandom(filepath.Join(site, file), size); err != nil {
			return err
		}
		if err := store.put(ctx, "pub/"+file, size); err != nil {
			return err
		}
		signed, err := store.signed(ctx, "pub/"+file)
		if err != nil {
			return err
		}
		locations += store.location(file, signed, "proxy_cache c; proxy_cache_valid 200 1h;")
		for i := range count {
			if err := store.put(ctx, fmt.Sprintf("pub/%d/%d.bin", size, i), size); err != nil {
				return err
			}
		}
	}
	cached := func() (launcher, error) {
		dir, err := os.MkdirTemp(b.dir, "cache-")
		if err != nil {
			return nil, err
		}
		return b.serve(ctx, "with a cache", store.env(), store.source("pub"), "--allow", "**",
			"--cache", filepath.Join(dir, "c"), "--cache-ttl", "1h"), nil
	}
	warmed, err := cached()
	if err != nil {
		return err
	}
	launchers := []launcher{warmed, b.serve(ctx, "files on disk", nil, site, "--allow", "**")}
	if nginx.path != "" {
		http := store.upstream() + " proxy_cache_path " + filepath.Join(b.dir, "nginx-cache") + " keys_zone=c:10m;"
		launchers = append(launchers, b.nginx(ctx, nginx, "nginx proxy_cache", http, locations))
	}
	uncached := b.serve(ctx, "without", store.env(), store.source("pub"), "--allow", "**")
	servers, stop, err := startAll(append(launchers, uncached))
	defer stop()
	if err != nil {
		return err
	}
	without := servers[len(servers)-1]
	servers = servers[:len(servers)-1]

	warm := &table{cases: "warm", base: "with a cache", metrics: []metric{{title: "requests/s", format: "%.0f"}, {title: "CPU µs/request", format: "%.0f", scale: 1e6, less: true}}}
	cold := &table{cases: "cold", base: "with a cache", metrics: []metric{
		{title: "first byte, ms", format: "%.2f", scale: 1e3, less: true}, {title: "requests/s", format: "%.0f"}, {title: "CPU ms/request", format: "%.2f", scale: 1e3, less: true}}}
	sizes := []int64{1 << 10, 100 << 10, 10 << 20}
	for _, p := range servers {
		for _, size := range sizes {
			if err := p.check(fmt.Sprintf("/%d.bin", size), size); err != nil {
				return err
			}
		}
	}
	if err := b.eachRound(ctx, func(i int) error {
		launch, err := cached()
		if err != nil {
			return err
		}
		empty, err := launch()
		if err != nil {
			return err
		}
		defer empty.stop()
		for _, size := range sizes {
			for _, k := range turns(len(servers), i) {
				l, err := b.wrk(ctx, wrk, servers[k], servers[k].url(fmt.Sprintf("/%d.bin", size)), size)
				if err != nil {
					return err
				}
				warm.add(sizeText(size), servers[k].name, l.rate, l.cpu)
			}
			for _, k := range turns(2, i) {
				p := []*process{empty, without}[k]
				s, err := b.once(p, size)
				if err != nil {
					return err
				}
				cold.add(sizeText(size), p.name, s.first, s.rate, s.cpu)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	warm.print(os.Stdout)
	fmt.Println()
	cold.print(os.Stdout)
	return nil
}

// once reads each of the cold objects of a size once, one after another.
func (b *bench) once(p *process, size int64) (sequence, error) {
	c, err := dial(p.addr)
	if err != nil {
		return sequence{}, err
	}
	defer c.close()
	var firsts []float64
	before, begin := cpuTime(p.cmd.Process.Pid), time.Now()
	for i := range coldObjects[size] {
		first, n, err := c.get(p.addr, fmt.Sprintf("/%d/%d.bin", size, i))
		if err != nil || n != size {
			return sequence{}, fmt.Errorf("%s: %d bytes: %v", p.name, n, err)
		}
		firsts = append(firsts, first.Seconds())
	}
	n := float64(len(firsts))
	return sequence{median(firsts), n / time.Since(begin).Seconds(), (cpuTime(p.cmd.Process.Pid) - before).Seconds() / n}, nil
}

func sizeText(size int64) string {
	if size < 1<<20 {
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d MiB", size>>20)
}
