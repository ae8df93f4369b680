package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// A blocked is a catalog that another connection has locked, so that changes gather.
type blocked struct {
	t    testing.TB
	path string
	db   *sql.DB

	changes int // that were gathered
}

func block(t testing.TB, path string) *blocked {
	t.Helper()
	b := &blocked{t: t, path: path, db: raw(t, path)}
	execute(t, b.db, "BEGIN IMMEDIATE")
	return b
}

// gather makes n changes concurrently, and returns once all of them wait. wait returns
// their errors.
func (b *blocked) gather(n int, change func(i int) error) (wait func() []error) {
	b.t.Helper()
	type result struct {
		i   int
		err error
	}
	results := make(chan result, n)
	b.changes += n
	for i := range n {
		go func() { results <- result{i, change(i)} }()
	}
	b.await(b.changes - 1) // one leads
	return func() []error {
		errs := make([]error, n)
		for range n {
			r := <-results
			errs[r.i] = r.err
		}
		return errs
	}
}

func (b *blocked) await(waiting int) {
	b.t.Helper()
	for sqlite.Waiting(b.path) != waiting {
		if err := b.t.Context().Err(); err != nil {
			b.t.Fatal(err)
		}
		runtime.Gosched()
	}
}

func (b *blocked) release() {
	b.t.Helper()
	execute(b.t, b.db, "ROLLBACK")
}

// commits returns the number of commits in the log. Another program reads it: this process
// must not open it.
func commits(t testing.TB, path string) (n int) {
	t.Helper()
	log, err := exec.CommandContext(t.Context(), "cat", path+"-wal").Output()
	if err != nil {
		t.Skip("cannot read the log:", err)
	}
	const header, frameHeader, page = 32, 24, 4096
	for at := header; at+frameHeader+page <= len(log); at += frameHeader + page {
		sameSalts := string(log[at+8:at+16]) == string(log[16:24])
		if size := binary.BigEndian.Uint32(log[at+4:]); sameSalts && size > 0 { // the last frame of a commit
			n++
		}
	}
	return n
}

// TestChangesShareCommits: changes that gather while the catalog is busy are one
// transaction, and so one sync, also if they come from several Stores of the file.
func TestChangesShareCommits(t *testing.T) {
	path := newFile(t)
	stores := []*sqlite.Store{open(t, path), open(t, path)}
	recs := make([]catalog.Record, 40)
	for i := range recs {
		recs[i] = catalogtest.NewRecord(fmt.Sprint(i))
	}
	steps := []struct {
		name   string
		change func(i int) error
	}{
		{"Begin", func(i int) error { return stores[i%2].Begin(t.Context(), recs[i]) }},
		{"Commit", func(i int) error {
			got, err := stores[i%2].Commit(t.Context(), catalogtest.Done(recs[i], "data"))
			if err == nil && (got.ID != recs[i].ID || got.Name != recs[i].Name || got.State != catalog.Ready) {
				err = fmt.Errorf("got %+v, want %+v", got, recs[i])
			}
			return err
		}},
		{"Delete", func(i int) error { return stores[i%2].Delete(t.Context(), recs[i].ID) }},
	}
	for _, step := range steps {
		b := block(t, path)
		before := commits(t, path)
		wait := b.gather(len(recs), step.change)
		b.release()
		if err := errors.Join(wait()...); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		// The leader may have been alone when it began.
		if n := commits(t, path) - before; n < 1 || n > 2 {
			t.Errorf("%d calls of %s took %d commits, want 1 or 2", len(recs), step.name, n)
		}
	}
}

// TestChangesFailAlone: of changes that are made together, one that fails does not make
// the others fail, and each gets its own error.
func TestChangesFailAlone(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	present := catalogtest.NewRecord("present")
	if err := s.Begin(t.Context(), present); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	execute(t, db, "CREATE TRIGGER refuse BEFORE INSERT ON objects WHEN new.name = 'refused' BEGIN SELECT raise(ABORT, 'refused by a trigger'); END")
	b := block(t, path)
	const n = 30
	recs := make([]catalog.Record, n)
	wait := b.gather(n, func(i int) error {
		recs[i] = catalogtest.NewRecord([]string{"stored", "present", "refused"}[i%3])
		if i%3 == 1 {
			recs[i].ID = present.ID
		}
		return s.Begin(t.Context(), recs[i])
	})
	b.release()
	for i, err := range wait() {
		if (err == nil) != (i%3 == 0) {
			t.Errorf("Begin of a row that is to be %s: %v", recs[i].Name, err)
		}
	}
	rows := map[uuid.UUID]string{}
	for rec, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows[rec.ID] = rec.Name
	}
	if len(rows) != n/3+1 || rows[present.ID] != "present" {
		t.Errorf("the rows are %v", rows)
	}
}

// TestChangesCanceled cancels calls that wait for their turn, the leader among them: they
// return while the catalog is still busy, have changed nothing, and the others succeed.
func TestChangesCanceled(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	b := block(t, path)
	const n = 20
	recs := make([]catalog.Record, n)
	for i := range recs {
		recs[i] = catalogtest.NewRecord(fmt.Sprint(i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	canceled := b.gather(n/2, func(i int) error { return s.Begin(ctx, recs[2*i]) })
	others := b.gather(n/2, func(i int) error { return s.Begin(t.Context(), recs[2*i+1]) })
	cancel()
	for _, err := range canceled() {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled call: %v", err)
		}
	}
	b.await(n/2 - 1) // another one leads
	b.release()
	for _, err := range others() {
		if err != nil {
			t.Errorf("a call that was not canceled: %v", err)
		}
	}
	rows := 0
	for rec, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		if i, _ := strconv.Atoi(rec.Name); i%2 == 0 {
			t.Errorf("a canceled call stored row %d", i)
		}
	}
	if rows != n/2 {
		t.Errorf("%d rows, want %d", rows, n/2)
	}
}
