package htpasswd_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

const (
	oldHash = "$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm"
	newHash = "$2a$12$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm"
)

// A change leaves the bytes of all other lines alone.
func TestEdit(t *testing.T) {
	text := func(s string) string { return strings.NewReplacer("OLD", oldHash, "NEW", newHash).Replace(s) }
	for _, c := range []struct {
		what, before          string
		added, alice, without string // "" if there is no such user
	}{
		{what: "empty", added: "carol:NEW\n"},
		{
			what:    "LF",
			before:  "# b\nbob:OLD\n \t\nalice:OLD\n#alice:x\n",
			added:   "# b\nbob:OLD\n \t\nalice:OLD\n#alice:x\ncarol:NEW\n",
			alice:   "# b\nbob:OLD\n \t\nalice:NEW\n#alice:x\n",
			without: "# b\nbob:OLD\n \t\n#alice:x\n",
		},
		{
			what:    "CRLF",
			before:  "#\r\nalice:OLD\r\nbob:OLD\r\n",
			added:   "#\r\nalice:OLD\r\nbob:OLD\r\ncarol:NEW\r\n",
			alice:   "#\r\nalice:NEW\r\nbob:OLD\r\n",
			without: "#\r\nbob:OLD\r\n",
		},
		{
			what:    "no last line end",
			before:  "bob:OLD\nalice:OLD",
			added:   "bob:OLD\nalice:OLD\ncarol:NEW\n",
			alice:   "bob:OLD\nalice:NEW",
			without: "bob:OLD\n",
		},
		{
			what:    "CRLF, no last line end",
			before:  "bob:OLD\r\nalice:OLD",
			added:   "bob:OLD\r\nalice:OLD\r\ncarol:NEW\r\n",
			alice:   "bob:OLD\r\nalice:NEW",
			without: "bob:OLD\r\n",
		},
		{
			what:    "mixed",
			before:  "alice:OLD\nbob:OLD\r\n# end",
			added:   "alice:OLD\nbob:OLD\r\n# end\ncarol:NEW\n",
			alice:   "alice:NEW\nbob:OLD\r\n# end",
			without: "bob:OLD\r\n# end",
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := []byte(text(c.before))
			for _, step := range []struct {
				what, want string
				do         func() ([]byte, error)
			}{
				{"add", c.added, func() ([]byte, error) { return htpasswd.Add("users", before, "carol", newHash) }},
				{"set", c.alice, func() ([]byte, error) { return htpasswd.SetHash("users", before, "alice", newHash) }},
				{"remove", c.without, func() ([]byte, error) { return htpasswd.Remove("users", before, "alice") }},
			} {
				got, err := step.do()
				if (err == nil) != (step.want != "") {
					t.Errorf("%s: %v", step.what, err)
				}
				if diff := cmp.Diff(text(step.want), string(got)); diff != "" {
					t.Errorf("%s:\n%s", step.what, diff)
				}
				if string(before) != text(c.before) {
					t.Fatalf("%s changed its argument", step.what)
				}
			}
		})
	}
}

func TestEditErrors(t *testing.T) {
	data := []byte("alice:" + oldHash + "\n")
	if _, err := htpasswd.Add("users", data, "alice", newHash); !errors.Is(err, fs.ErrExist) {
		t.Errorf("add: %v", err)
	}
	if _, err := htpasswd.SetHash("users", data, "bob", newHash); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("set: %v", err)
	}
	if _, err := htpasswd.Remove("users", data, "#bob"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remove: %v", err)
	}
	// The same name in two normal forms, and a name that would begin the file like a mark.
	zoe := []byte("Zo\u00eb:" + oldHash + "\n")
	if _, err := htpasswd.Add("users", zoe, "Zoe\u0308", newHash); err == nil || !strings.Contains(err.Error(), "looks like that of line 1") {
		t.Errorf("another normal form: %v", err)
	}
	if _, err := htpasswd.Add("users", nil, "\ufeffbob", newHash); err == nil || !strings.Contains(err.Error(), "byte order mark") {
		t.Errorf("a byte order mark: %v", err)
	}
	for _, hash := range []string{"", "hunter2", newHash + "\nmallory:" + newHash, newHash + "\r"} {
		_, added := htpasswd.Add("users", data, "bob", hash)
		_, set := htpasswd.SetHash("users", data, "alice", hash)
		for _, err := range []error{added, set} {
			if err == nil || !strings.HasPrefix(err.Error(), "not a ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the hash %q: %v", hash, err)
			}
		}
	}
}

// FuzzAdd adds a user to any file: the result has that user and those before, and
// removing the user gives the file back, but for the end of its last line.
func FuzzAdd(f *testing.F) {
	f.Add([]byte("# c\r\nalice:"+oldHash+"\r\n\n"), "bob")
	f.Add([]byte("alice:"+oldHash), "al:ice")
	f.Add([]byte(""), "#")
	f.Add([]byte(""), "\ufeffbob")
	f.Add([]byte("\r"), "bob")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		before, err := htpasswd.Parse("users", data, htpasswd.Options{})
		added, addErr := htpasswd.Add("users", data, name, newHash)
		if err != nil {
			if addErr == nil {
				t.Errorf("added to a file that is refused: %v", err)
			}
			return
		}
		if addErr != nil {
			return
		}
		after, err := htpasswd.Parse("users", added, htpasswd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := append(before.Names(), name)
		slices.Sort(want)
		if diff := cmp.Diff(want, after.Names()); diff != "" {
			t.Error(diff)
		}
		removed, err := htpasswd.Remove("users", added, name)
		if rest, ok := strings.CutPrefix(string(removed), string(data)); err != nil || !ok || strings.Trim(rest, "\r\n") != "" {
			t.Errorf("%q became %q: %v", data, removed, err)
		}
	})
}
