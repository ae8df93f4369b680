package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Times of keeping the lock.
const (
	retryPause = 100 * time.Millisecond // between two attempts to take it
	checkPause = 15 * time.Second       // between two questions whether the connection lives
	checkWait  = 5 * time.Second        // for an answer to that, and for one attempt
	holdWait   = 2 * time.Second        // of a call, for the lock to be had again
)

// A keeper holds the advisory lock that shows that an instance is alive, on a
// connection of its own: a lock is a session's, and those of a pool come and go.
type keeper struct {
	config *pgx.ConnConfig
	key    int64
	lost   func()             // called when the connection broke
	cancel context.CancelFunc // nil before start
	done   chan struct{}      // closed when all is over

	mu   sync.Mutex
	held chan struct{} // closed while the lock is held
}

func newKeeper(cfg *pgx.ConnConfig, id uuid.UUID, lost func()) *keeper {
	cfg = cfg.Copy()
	// Waiting on this connection ends by time, which is no reason to cancel what
	// comes after.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	return &keeper{config: cfg, key: lockKey(id.String()), lost: lost, done: make(chan struct{}), held: make(chan struct{})}
}

// lockKey is the key of an instance's lock: a part of its ID, which is random.
func lockKey(id string) int64 {
	u, err := uuid.Parse(id)
	if err != nil {
		return 0 // nobody's; such a row is none of this program's
	}
	return int64(binary.BigEndian.Uint64(u[8:]))
}

// start takes the lock, and keeps it from then on.
func (k *keeper) start(ctx context.Context) error {
	conn, err := k.take(ctx)
	if err != nil {
		return classify(err)
	}
	ctx, k.cancel = context.WithCancel(context.Background())
	close(k.held)
	go k.keep(ctx, conn)
	return nil
}

// stop lets the lock go.
func (k *keeper) stop() {
	k.cancel()
	<-k.done
}

// wait returns nil when the lock is held.
func (k *keeper) wait(ctx context.Context) error {
	k.mu.Lock()
	held := k.held
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, holdWait)
	defer cancel()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: the connection that shows that this server lives is lost", catalog.ErrUnavailable)
	}
}

func (k *keeper) keep(ctx context.Context, conn *pgx.Conn) {
	defer close(k.done)
	for {
		k.watch(ctx, conn)
		if ctx.Err() != nil {
			k.release(conn)
			return
		}
		disconnect(conn)
		k.mu.Lock()
		k.held = make(chan struct{})
		k.mu.Unlock()
		// What broke this connection mostly broke the others.
		k.lost()
		if conn = k.takeAgain(ctx); conn == nil {
			return
		}
		close(k.held)
	}
}

// takeAgain takes the lock as soon as that can be had. It returns nil when ctx
// ends.
func (k *keeper) takeAgain(ctx context.Context) *pgx.Conn {
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for {
		if conn, err := k.take(ctx); err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take makes a connection that has the lock. Where the server has not noticed yet
// that the one before is broken, that one's lock shows that the instance lives.
func (k *keeper) take(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, k.config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_lock($1)", k.key); err != nil {
		disconnect(conn)
		return nil, err
	}
	return conn, nil
}

// watch returns when the connection is broken, or ctx ends. The end of a session
// comes as a message; a network that swallows all is found by asking.
func (k *keeper) watch(ctx context.Context, conn *pgx.Conn) {
	for {
		idle, cancel := context.WithTimeout(ctx, checkPause)
		_, err := conn.WaitForNotification(idle)
		over := idle.Err() != nil
		cancel()
		if ctx.Err() != nil || err != nil && !over {
			return
		}
		asking, cancel := context.WithTimeout(ctx, checkWait)
		err = conn.Ping(asking)
		cancel()
		if err != nil {
			return
		}
	}
}

// release lets the lock go before the connection: the server takes a while to
// notice the end of that, and whoever looks after Close returned should see it.
func (k *keeper) release(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_unlock($1)", k.key) // the end of the connection does it, too
	disconnect(conn)
}

// disconnect says good-bye where somebody listens.
func disconnect(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is over in any case
}
