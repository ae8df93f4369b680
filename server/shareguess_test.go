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

// TestShareFilesWithoutRoom: where the rules allow a name, but none of those that a second file of
// that name gets, the first is refused, too: otherwise the answer would tell whether there is one.
func TestShareFilesWithoutRoom(t *testing.T) {
	for what, c := range map[string]struct {
		allow, deny  []string
		taken, free  string
		made, stored int
	}{
		"no brackets":             {[]string{`re:drop/[A-Za-z0-9._-]+`}, nil, "old.txt", "absent.txt", 409, 404},
		"no brackets for txt":     {[]string{`re:drop/[^.]+`, `re:drop/[a-z]+\.txt`}, nil, "old.txt", "absent.txt", 201, 404},
		"no number above 9":       {[]string{`re:drop/[a-z]+( \([2-9]\))?(\.txt)?`}, nil, "old.txt", "absent.txt", 409, 404},
		"numbers only":            {[]string{`re:drop/[a-z]+( \([0-9]+\))?(\.txt)?`}, nil, "old.txt", "absent.txt", 409, 404},
		"room":                    {[]string{`re:drop/[a-z]+( \([a-z0-9]+\))?(\.txt)?`}, nil, "old.txt", "absent.txt", 201, 201},
		"the second is forbidden": {[]string{"drop/*"}, []string{"drop/*(2).txt"}, "old.txt", "absent.txt", 201, 404},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSharing(t)
			ask := fields{"path": "/files/drop/", "upload": true}
			link := s.share("alice", ask).URL
			s.policy = vfs.Policy{Allow: vfs.Patterns(c.allow...), Deny: vfs.Patterns(c.deny...)}
			s.apply()
			made := s.post("alice", ask)
			if made.Status != c.made || c.made == 409 && !strings.Contains(made.Body, "new (2)") {
				t.Errorf("made with %d %q, want %d", made.Status, made.Body, c.made)
			}
			var answers []reply
			for _, name := range []string{c.taken, c.free} {
				body, headers := filesForm(name, "new")
				r := s.send("POST", link, body, headers...)
				if r.Status != c.stored {
					t.Errorf("%s: %d %q, want %d", name, r.Status, r.Body, c.stored)
				}
				r.Body = strings.ReplaceAll(r.Body, name, "NAME")
				r.Header.Del("Content-Length")
				answers = append(answers, r)
			}
			same(t, "a name that is taken", answers[0], answers[1])
		})
	}
}
