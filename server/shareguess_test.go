package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareFilesTellsNothing sends files under names that are taken, by objects and by
// directories, also in other spellings, and under names that are free. The answers are the
// same, and nothing is replaced.
func TestShareFilesTellsNothing(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		s := newSharing(t)
		s.tree = b
		plant(t, b, "drop/old.txt", "drop/caf\u00e9.txt", "drop/sub/x.txt", "drop/Sub.d/x.txt")
		s.apply()
		m := s.share("alice", fields{"path": "/files/drop/", "upload": true})
		send := func(name string) reply {
			body, headers := filesForm(name, "new")
			return s.send("POST", m.URL, body, headers...)
		}
		for taken, free := range map[string]string{
			"old.txt": "new.txt", "OLD.txt": "NEW.txt", "cafe\u0301.txt": "cafx\u0301.txt", "CAF\u00c9.TXT": "CAF\u00c8.TXT", "sub": "bus", "SUB": "BUS", "sub.d": "bus.d",
		} {
			there, missing := send(taken), send(free)
			there.Body, missing.Body = strings.ReplaceAll(there.Body, taken, "NAME"), strings.ReplaceAll(missing.Body, free, "NAME")
			there.Header.Del("Content-Length")
			missing.Header.Del("Content-Length")
			if missing.Status != 201 {
				t.Errorf("%s: %d %q", free, missing.Status, missing.Body)
			}
			same(t, taken, there, missing)
		}
		all := contents(t, b)
		if len(all) != 4+2*7 {
			t.Errorf("%d objects: %v", len(all), all)
		}
		for _, name := range []string{"drop/old.txt", "drop/caf\u00e9.txt", "drop/sub/x.txt", "drop/Sub.d/x.txt"} {
			if all[name] != name {
				t.Errorf("%s has %q", name, all[name])
			}
		}
	})
}

// TestShareFilesNeverFull sends so many files of one name that a bound of their numbers would
// be reached, which would tell how many were there before.
func TestShareFilesNeverFull(t *testing.T) {
	s := newSharing(t)
	s.tree = writableDisk(t, disk.Options{})
	s.apply()
	m := s.share("alice", fields{"path": "/files/drop/", "upload": true})
	const count = 120
	name := strings.Repeat("n", 300) + ".txt"
	for i := range count {
		body, headers := filesForm(name, fmt.Sprint(i))
		if r := s.send("POST", m.URL, body, headers...); r.Status != 201 {
			t.Fatalf("file %d: %d %q", i, r.Status, r.Body)
		}
	}
	seen := map[string]bool{}
	for name, content := range contents(t, s.tree) {
		seen[content] = true
		if !strings.HasPrefix(name, "drop/nnn") {
			t.Errorf("%s", name)
		}
	}
	if len(seen) != count {
		t.Errorf("%d of %d files are there", len(seen), count)
	}
}
