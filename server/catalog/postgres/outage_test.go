package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	neturl "net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// soon limits how long recovery may take.
const soon = 30 * time.Second

// eventually calls f until it returns nil. Until then f may fail only with
// ErrUnavailable.
func eventually(t *testing.T, what string, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Fatalf("%s: %v, want ErrUnavailable until it works", what, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: still failing after %v: %v", what, soon, err)
		}
	}
}

// TestOutage stops the server in both ways while two instances have running uploads.
// After a restart everything continues, and neither considers the other one dead.
func TestOutage(t *testing.T) {
	server := pgserver.Start(t)
	for _, how := range []string{"Stop", "Kill"} {
		t.Run(how, func(t *testing.T) {
			url := server.Database(t)
			a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
			ready, pending := catalogtest.NewRecord("ready"), catalogtest.NewRecord("pending")
			for _, r := range []catalog.Record{ready, pending} {
				if err := a.Begin(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			ready, err := a.Commit(t.Context(), catalogtest.Done(ready, "data"))
			if err != nil {
				t.Fatal(err)
			}
			if how == "Stop" {
				server.Stop(t)
			} else {
				server.Kill(t)
			}
			for what, err := range map[string]error{
				"Ping":  a.Ping(t.Context()),
				"Touch": a.Touch(t.Context(), pending.ID),
				"Begin": a.Begin(t.Context(), catalogtest.NewRecord("a name")),
				"Get":   func() error { _, err := a.Get(t.Context(), ready.ID); return err }(),
				"All": func() error {
					for _, err := range a.All(t.Context()) {
						return err
					}
					return nil
				}(),
			} {
				if !errors.Is(err, catalog.ErrUnavailable) {
					t.Errorf("%s while the server is down: %v, want ErrUnavailable", what, err)
				}
			}
			server.Restart(t)
			old := time.Now().Add(-time.Hour)
			alive := func(c catalog.Catalog) {
				t.Helper()
				for r, err := range c.Stale(t.Context(), old) {
					if err == nil || !errors.Is(err, catalog.ErrUnavailable) {
						t.Errorf("stale, although its instance is alive: %+v, %v", r, err)
					}
				}
			}
			// At once, possibly before a has its lock again.
			alive(b)
			eventually(t, "Ping", a.Ping)
			eventually(t, "Get", func(ctx context.Context) error {
				got, err := a.Get(ctx, ready.ID)
				if err == nil && got != ready {
					err = fmt.Errorf("got %+v, want %+v", got, ready)
				}
				return err
			})
			eventually(t, "Touch", func(ctx context.Context) error { return a.Touch(ctx, pending.ID) })
			// Touched after the start, so the row is stale only if the lock is free.
			alive(b)
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			left := 0
			for r, err := range b.Stale(t.Context(), old) {
				if err != nil || r.ID != pending.ID {
					t.Errorf("left: %+v, %v", r, err)
				}
				left++
			}
			if left != 1 {
				t.Errorf("an instance that was closed after the outage has %d stale rows, want 1", left)
			}
		})
	}
}

// testConnectionsEnd has an administrator terminate connections of two working
// instances: neither sees the other's rows as stale meanwhile. If only the connections
// with locks are terminated, the other instance checks before they are locked again.
func testConnectionsEnd(t *testing.T, server *pgserver.Server) {
	url := server.Database(t)
	database := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	rec := catalogtest.NewRecord("a name")
	if err := a.Begin(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{
		"pg_stat_activity WHERE application_name = 'bailiwick' AND datname = current_database()",
		"pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()",
	} {
		for range 3 {
			server.Exec(t, database, "SELECT pg_terminate_backend(pid) FROM "+which)
			for r, err := range b.Stale(t.Context(), time.Now().Add(-time.Hour)) {
				if err == nil || !errors.Is(err, catalog.ErrUnavailable) {
					t.Errorf("stale, although its instance is alive: %+v, %v", r, err)
				}
			}
			eventually(t, "Touch", func(ctx context.Context) error { return a.Touch(ctx, rec.ID) })
			eventually(t, "Ping", b.Ping)
		}
	}
}

// testHalfDead has a firewall forget all connections: they are broken for the store, but the
// database does not know. New ones work at once, and so do calls that need the lock, which the
// database still holds for the old one.
func testHalfDead(t *testing.T, url string) {
	at, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	server := at.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		clients []net.Conn
		behind  []net.Conn
		work    sync.WaitGroup
	)
	forget := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range clients {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		clients = nil
	}
	t.Cleanup(func() {
		l.Close()
		forget()
		for _, c := range behind {
			c.Close()
		}
		work.Wait()
	})
	work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			clients, behind = append(clients, client), append(behind, back)
			mu.Unlock()
			work.Go(func() { io.Copy(back, client) }) // back stays open
			work.Go(func() { io.Copy(client, back) })
		}
	})
	at.Host = l.Addr().String()
	a, b := open(t, at.String(), postgres.Options{}), open(t, url, postgres.Options{})
	rec := catalogtest.NewRecord("a name")
	if err := a.Begin(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	forget()
	eventually(t, "Touch", func(ctx context.Context) error { return a.Touch(ctx, rec.ID) })
	eventually(t, "Begin", func(ctx context.Context) error { return a.Begin(ctx, catalogtest.NewRecord("another")) })
	for r, err := range b.Stale(t.Context(), time.Now().Add(-time.Hour)) {
		t.Errorf("stale, although its instance is alive: %+v, %v", r, err)
	}
}

// testWaiting has another transaction lock a row: a call that waits for it ends with its
// context, and changes nothing later.
func testWaiting(t *testing.T, url string) {
	a := open(t, url, postgres.Options{Timeout: 700 * time.Millisecond})
	rec := catalogtest.NewRecord("a name")
	if err := a.Begin(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	c := connect(t, url)
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM bailiwick.objects FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := a.Abandon(ctx, rec.ID); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("after its deadline: %v", err)
	}
	if err := a.Abandon(t.Context(), rec.ID); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("after its store's timeout: %v, want ErrUnavailable", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// It is still pending.
	if _, err := a.Commit(t.Context(), rec); err != nil {
		t.Error(err)
	}
}

// TestTooMany has more callers than the server allows connections.
func TestTooMany(t *testing.T) {
	server := pgserver.Start(t, "max_connections=8", "superuser_reserved_connections=0")
	url := server.URL("postgres")
	a := open(t, url, postgres.Options{})
	var err error
	for range 8 {
		var s *postgres.Store
		if s, err = postgres.Open(t.Context(), url, source, postgres.Options{}); err != nil {
			break
		}
		defer s.Close()
	}
	if !errors.Is(err, catalog.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
		t.Errorf("more stores than connections: %v, want one line, and ErrUnavailable", err)
	}
	if err := a.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
