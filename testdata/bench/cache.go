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
// nginx's cache, cold against no cache, from S3 on this machine and at a distance.
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
	cached := func(source string) (launcher, error) {
		dir, err := os.MkdirTemp(b.dir, "cache-")
		if err != nil {
			return nil, err
		}
		return b.serve(ctx, "with a cache", store.env(), source, "--allow", "**",
			"--cache", filepath.Join(dir, "c"), "--cache-ttl", "1h"), nil
	}
	near := store.source("pub")
	warmed, err := cached(near)
	if err != nil {
		return err
	}
	launchers := []launcher{warmed, b.serve(ctx, "files on disk", nil, site, "--allow", "**")}
	if nginx.path != "" {
		http := store.upstream() + " proxy_cache_path " + filepath.Join(b.dir, "nginx-cache") + " keys_zone=c:10m;"
		launchers = append(launchers, b.nginx(ctx, nginx, "nginx proxy_cache", http, locations))
	}
	servers, stop, err := startAll(launchers)
	defer stop()
	if err != nil {
		return err
	}
	distant, err := childLauncher(ctx, "S3 at a distance", "distant", store.Endpoint)()
	if err != nil {
		return err
	}
	defer distant.stop()
	far := store.sourceAt("http://"+distant.addr, "pub")

	sizes := []int64{1 << 10, 100 << 10, 10 << 20}
	warm := &table{cases: "warm", base: "with a cache", metrics: []metric{{title: "requests/s", format: "%.0f"}, {title: "CPU µs/request", format: "%.0f", scale: 1e6, less: true}}}
	tables := []*table{warm}
	var cold []func(round int) error
	for _, from := range []struct{ cases, source string }{{"cold", near}, {fmt.Sprintf("cold, S3 is %v away, 1 Gbit/s", distance), far}} {
		t := &table{cases: from.cases, base: "with a cache", metrics: []metric{
			{title: "first byte, ms", format: "%.2f", scale: 1e3, less: true}, {title: "requests/s", format: "%.0f"}, {title: "CPU ms/request", format: "%.2f", scale: 1e3, less: true}}}
		tables = append(tables, t)
		cold = append(cold, func(round int) error {
			with, err := cached(from.source)
			if err != nil {
				return err
			}
			pair, stop, err := startAll([]launcher{with, b.serve(ctx, "without", store.env(), from.source, "--allow", "**")})
			defer stop()
			if err != nil {
				return err
			}
			for _, size := range sizes {
				for _, k := range turns(len(pair), round) {
					s, err := b.once(pair[k], size)
					if err != nil {
						return err
					}
					t.add(sizeText(size), pair[k].name, s.first, s.rate, s.cpu)
				}
			}
			return nil
		})
	}
	for _, p := range servers {
		for _, size := range sizes {
			if err := p.check(fmt.Sprintf("/%d.bin", size), size); err != nil {
				return err
			}
		}
	}
	if err := b.eachRound(ctx, func(i int) error {
		for _, size := range sizes {
			for _, k := range turns(len(servers), i) {
				l, err := b.wrk(ctx, wrk, servers[k], servers[k].url(fmt.Sprintf("/%d.bin", size)), size)
				if err != nil {
					return err
				}
				warm.add(sizeText(size), servers[k].name, l.rate, l.cpu)
			}
		}
		for _, measure := range cold {
			if err := measure(i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Println()
		}
		t.print(os.Stdout)
	}
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
