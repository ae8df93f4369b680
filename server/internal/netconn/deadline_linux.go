package netconn

import (
	"errors"
	"os"
	"sync"
	"time"
)

// A deadline is that of the reads or of the writes of a connection. net/http sets each of
// them several times per request, mostly while nothing waits, and each time the runtime
// moves a timer, which may wake the thread that waits for events. So the socket's own
// deadline is set only if a call is about to wait and would wait too long: it may expire
// too early, and then the call is repeated.
type deadline struct {
	arm func(time.Time) error // sets the deadline of the socket

	mu       sync.Mutex
	want     time.Time // the deadline; zero for none
	armed    time.Time // that of the socket; zero for none
	running  int       // calls that may be waiting
	followed int       // while above 0, armed is always want
	cuts     int       // how often a deadline in the past was set, which ends the calls that wait
}

func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if d.running > 0 && expired(t, time.Now()) {
		d.cuts++
	}
	if d.followed > 0 || d.running > 0 && d.late() {
		return d.rearm()
	}
	return nil
}

// late reports whether the socket's deadline is after the one that is wanted.
func (d *deadline) late() bool {
	return !d.want.IsZero() && (d.armed.IsZero() || d.armed.After(d.want))
}

func (d *deadline) rearm() error {
	d.armed = d.want
	return d.arm(d.want)
}

// begin announces a call, and returns what end needs. It fails if the deadline has expired.
func (d *deadline) begin() (cuts int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if expired(d.want, now) {
		return 0, os.ErrDeadlineExceeded
	}
	if d.late() || expired(d.armed, now) {
		if err := d.rearm(); err != nil {
			return 0, err
		}
	}
	d.running++
	return d.cuts, nil
}

// end ends a call that returned err. It reports whether the call is to be repeated, since
// only the socket's deadline has expired.
func (d *deadline) end(cuts int, err error) (again bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	return err != nil && errors.Is(err, os.ErrDeadlineExceeded) && cuts == d.cuts && !expired(d.want, time.Now())
}

// follow makes the socket's deadline exact until unfollow.
func (d *deadline) follow() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.followed++; d.armed != d.want {
		d.rearm() // an error is that of a closed connection, which the next call reports
	}
}

func (d *deadline) unfollow() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.followed--
}

func expired(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }
