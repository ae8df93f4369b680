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

// Times of the lock.
const (
	retryPause = 100 * time.Millisecond // between two attempts to take it
	checkPause = 15 * time.Second       // between two checks of the connection
	checkWait  = 5 * time.Second        // for such a check, and for one attempt
	holdWait   = 2 * time.Second        // for a call to wait until the lock is held again
)

// A lockHolder holds the advisory lock that marks an instance as alive. It does so on its own
// connection: an advisory lock belongs to a session, and a pool opens and closes sessions.
type lockHolder struct {
	config *pgx.ConnConfig
	key    int64
	lost   func()             // called when the connection breaks
	cancel context.CancelFunc // nil before start
	done   chan struct{}      // closed when hold returns

	mu   sync.Mutex
	held chan struct{} // closed while the lock is held
}

func newLockHolder(cfg *pgx.ConnConfig, id uuid.UUID, lost func()) *lockHolder {
	cfg = cfg.Copy()
	// Waits on this connection end by time-outs, which must not cancel the next
	// statement.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	return &lockHolder{config: cfg, key: lockKey(id.String()), lost: lost, done: make(chan struct{}), held: make(chan struct{})}
}

// lockKey returns the key of an instance's lock: half of its random ID.
func lockKey(id string) int64 {
	u, err := uuid.Parse(id)
	if err != nil {
		return 0 // no instance's: this program does not write such rows
	}
	return int64(binary.BigEndian.Uint64(u[8:]))
}

// start takes the lock, and holds it until stop.
func (l *lockHolder) start(ctx context.Context) error {
	conn, err := l.take(ctx)
	if err != nil {
		return classify(err)
	}
	ctx, l.cancel = context.WithCancel(context.Background())
	close(l.held)
	go l.hold(ctx, conn)
	return nil
}

// stop releases the lock.
func (l *lockHolder) stop() {
	l.cancel()
	<-l.done
}

// wait waits until the lock is held.
func (l *lockHolder) wait(ctx context.Context) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, holdWait)
	defer cancel()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: the connection that shows that this server lives is lost", catalog.ErrUnavailable)
	}
}

func (l *lockHolder) hold(ctx context.Context, conn *pgx.Conn) {
	defer close(l.done)
	for {
		l.watch(ctx, conn)
		if ctx.Err() != nil {
			l.release(conn)
			return
		}
		disconnect(conn)
		l.mu.Lock()
		l.held = make(chan struct{})
		l.mu.Unlock()
		// If this connection broke, the pool's connections are usually broken too.
		l.lost()
		if conn = l.reacquire(ctx); conn == nil {
			return
		}
		close(l.held)
	}
}

// reacquire tries until it has the lock. It returns nil when ctx ends.
func (l *lockHolder) reacquire(ctx context.Context) *pgx.Conn {
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for {
		if conn, err := l.take(ctx); err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take opens a connection and takes the lock on it. The lock is shared: the database may
// notice only after hours that the previous connection is broken, which has it, too, and
// marks the instance as alive until then. No other instance has the same key.
func (l *lockHolder) take(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_lock_shared($1)", l.key); err != nil {
		disconnect(conn)
		return nil, err
	}
	return conn, nil
}

// watch returns when the connection is broken or ctx ends. The end of a session arrives as
// a message; a network that drops everything is found by pings.
func (l *lockHolder) watch(ctx context.Context, conn *pgx.Conn) {
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

// release releases the lock before it closes the connection: the database takes a while to
// notice a closed one, and the lock should be free when Close returns.
func (l *lockHolder) release(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_unlock_shared($1)", l.key) // closing the connection releases it, too
	disconnect(conn)
}

// disconnect closes the connection. If the database still responds, it closes the
// session too.
func disconnect(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the connection is unusable in any case
}
