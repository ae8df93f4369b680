package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// A writeTurn is how many bodies a turn sends, and by how many clients.
type writeTurn struct{ clients, bodies int }

// measureWrite measures bodies of 1 MiB that are stored durably: by PUT, by uploads with
// their rows in SQLite, and by a bare handler that promises as much as PUT.
func measureWrite(ctx context.Context, b *bench) error {
	const size = 1 << 20
	dirs := map[string]string{}
	for _, name := range []string{"put", "uploads", "careful"} {
		dirs[name] = filepath.Join(b.dir, name)
		if err := os.Mkdir(dirs[name], 0o755); err != nil {
			return err
		}
	}
	servers, stop, err := startAll([]launcher{
		b.serve(ctx, "bailiwick PUT", nil, dirs["put"], "--allow", "**", "--write"),
		b.serve(ctx, "bailiwick upload", nil, dirs["uploads"], "--uploads", "--catalog", "sqlite:"+filepath.Join(b.dir, "catalog.db")),
		childLauncher(ctx, "careful bare handler", "careful", dirs["careful"]),
	})
	defer stop()
	if err != nil {
		return err
	}
	body := make([]byte, size)
	t := &table{cases: "1 MiB", base: "careful bare handler", inverse: true, metrics: []metric{
		{title: "bodies/s", format: "%.0f"},
		{title: "CPU ms/body", format: "%.2f", scale: 1e3, less: true},
	}}
	turn := func(p *process, w writeTurn) error {
		before, begin := cpuTime(p.cmd.Process.Pid), time.Now()
		if err := sendBodies(p, w, body); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		n := float64(w.bodies)
		t.add(fmt.Sprintf("%d at a time", w.clients), p.name, n/time.Since(begin).Seconds(), (cpuTime(p.cmd.Process.Pid)-before).Seconds()/n)
		return nil
	}
	if err := b.eachRound(ctx, func(i int) error {
		for _, w := range []writeTurn{{1, 64}, {16, 256}} {
			for _, k := range turns(len(servers), i) {
				if err := turn(servers[k], w); err != nil {
					return err
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

// sendBodies sends bodies over as many connections as there are clients. Each client has a
// name of its own, which its bodies replace.
func sendBodies(p *process, w writeTurn, body []byte) error {
	var group errgroup.Group
	for i := range w.clients {
		group.Go(func() error {
			c, err := dial(p.addr)
			if err != nil {
				return err
			}
			defer c.close()
			for range w.bodies / w.clients {
				if p.name == "bailiwick upload" {
					_, _, err = c.send("POST", p.addr, "/", body, "Content-Type: application/octet-stream", `Content-Disposition: attachment; filename="body.bin"`)
				} else {
					_, _, err = c.send("PUT", p.addr, fmt.Sprintf("/body-%02d.bin", i), body)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
