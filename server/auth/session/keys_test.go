package session_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
)

// line returns the line of a key whose bytes are all fill.
func line(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(slices.Repeat([]byte{fill}, 32))
}

func ring(t testing.TB, lines ...string) *session.Keys {
	t.Helper()
	k, err := session.ReadKeys("keys", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSeal(t *testing.T) {
	k := ring(t, line("new", 1), line("old", 2))
	sealed := k.Seal("session", []byte("alice"))
	if again := k.Seal("session", []byte("alice")); again == sealed {
		t.Error("two seals of a value are equal")
	}
	if !strings.HasPrefix(sealed, "new.") || strings.Trim(sealed[4:], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("sealed: %s", sealed)
	}
	old := ring(t, line("old", 2)).Seal("session", []byte("bob"))
	for _, c := range []struct{ sealed, want string }{{sealed, "alice"}, {old, "bob"}} {
		if got, ok := k.Open("session", c.sealed); !ok || string(got) != c.want {
			t.Errorf("%s: %q, %v", c.sealed, got, ok)
		}
	}
}

// TestOpenRefuses opens what was not sealed by this ring for this purpose. The control shows
// that each would open if the id or the purpose were not bound.
func TestOpenRefuses(t *testing.T) {
	k := ring(t, line("a", 1), line("b", 2), line("twin", 1))
	sealed := k.Seal("session", []byte("alice"))
	_, text, _ := strings.Cut(sealed, ".")
	other := ring(t, line("a", 3)).Seal("session", []byte("alice"))
	flipped := []byte(sealed)
	if flipped[20]++; flipped[20] == 'z'+1 || flipped[20] == '9'+1 || flipped[20] == 'Z'+1 || flipped[20] == '_'+1 || flipped[20] == '-'+1 {
		flipped[20] = 'A'
	}
	for what, s := range map[string]string{
		"empty":                              "",
		"no id":                              text,
		"no value":                           "a.",
		"only an id":                         "a",
		"the id of another key":              "b." + text,
		"the id of a key of the same secret": "twin." + text,
		"an unknown id":                      "c." + text,
		"of another server":                  other,
		"truncated":                          sealed[:len(sealed)-1],
		"truncated to its nonce":             sealed[:2+32],
		"a byte changed":                     string(flipped),
		"padded":                             sealed + "=",
		"a line end in it":                   sealed[:10] + "\n" + sealed[10:],
		"oversized":                          sealed + strings.Repeat("A", session.MaxSealedBytes),
		"twice":                              sealed + sealed,
	} {
		if value, ok := k.Open("session", s); ok || value != nil {
			t.Errorf("%s: %q, %v", what, value, ok)
		}
	}
	for _, purpose := range []string{"", "session2", "sessio", "share 1", "session\x00"} {
		if _, ok := k.Open(purpose, sealed); ok {
			t.Errorf("opened for the purpose %q", purpose)
		}
	}
	// Every other last character of a value that ends in unused bits.
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if s := sealed[:len(sealed)-1] + string(c); s != sealed {
			if _, ok := k.Open("session", s); ok {
				t.Errorf("%s is another spelling", s)
			}
		}
	}
}

func TestZeroKeys(t *testing.T) {
	sealed := ring(t, line("a", 1)).Seal("session", nil)
	for what, k := range map[string]*session.Keys{"zero": {}, "nil": nil} {
		if _, ok := k.Open("session", sealed); ok {
			t.Errorf("%s opened a value", what)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s sealed a value", what)
				}
			}()
			k.Seal("session", nil)
		}()
	}
}

// TestFileOfLinks uses one file for links and sessions: the keys differ all the same.
func TestFileOfLinks(t *testing.T) {
	data, id, err := links.AddKey("keys", []byte("# old\n"+line("old", 2)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := session.ReadKeys("keys", strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if sealed := k.Seal("session", nil); !strings.HasPrefix(sealed, id+".") {
		t.Errorf("the new key %s does not seal: %s", id, sealed)
	}
}

func FuzzOpen(f *testing.F) {
	k := ring(f, line("a", 1), line("b", 2))
	f.Add("session", k.Seal("session", []byte("alice")))
	f.Add("session", "a.")
	f.Add("", "b.AAAA")
	f.Fuzz(func(t *testing.T, purpose, s string) {
		if value, ok := k.Open(purpose, s); ok {
			t.Logf("%q", value) // only a corpus of this key can get here
			if again, ok := k.Open(purpose, k.Seal(purpose, value)); !ok || string(again) != string(value) {
				t.Error("a value that opened does not open again")
			}
		}
		sealed := k.Seal(purpose, []byte(s))
		if value, ok := k.Open(purpose, sealed); len(sealed) <= session.MaxSealedBytes && (!ok || string(value) != s) {
			t.Errorf("%q, %v", value, ok)
		}
	})
}
