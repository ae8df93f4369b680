package tokens_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
)

func digest(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

func TestCheckToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	text := "# tokens\nbackup:" + digest("first") + "\r\nbackup:" + digest("second") + "\n\nzoë:" + digest("third")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tokens.Load(file, tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for token, name := range map[string]string{
		"first": "backup", "second": "backup", "third": "zoë",
		"": "", "fourth": "", "first\n": "", "First": "", digest("first"): "", "firstsecond": "",
	} {
		p, err := l.CheckToken(t.Context(), token)
		switch {
		case name != "" && (err != nil || !cmp.Equal(p, auth.Principal{Name: name, Method: "token"})):
			t.Errorf("%q: %v, %v", token, p, err)
		case name == "" && (!errors.Is(err, auth.ErrCredentials) || !p.Anyone()):
			t.Errorf("%q: %v, %v", token, p, err)
		}
	}
	if _, err := tokens.Load(file+"x", tokens.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a:" + digest("x") + "\nb:" + digest("x"), "tokens:2: the same token as in line 1"},
		{"a:" + digest("x") + "\na:" + digest("x"), "tokens:2: the same token as in line 1"},
		{"a:" + digest(""), "tokens:1: the SHA-256 of an empty token"},
		{"a:" + strings.ToUpper(digest("x")), "tokens:1: not a SHA-256"},
		{"a:" + digest("x")[1:], "tokens:1: not a SHA-256"},
		{"a:" + digest("x") + "0", "tokens:1: not a SHA-256"},
		{"a:" + digest("x") + "00", "tokens:1: not a SHA-256"},
		{"a:" + digest("x") + "  -", "tokens:1: not a SHA-256"},
		{"a:" + digest("x")[:63] + "g", "tokens:1: not a SHA-256"},
		{"a:", "tokens:1: not a SHA-256"},
		{"a:hunter2", "tokens:1: not a SHA-256"},
		{"hunter2", "tokens:1: not of the form"},
		{"a\x1bb:" + digest("x"), "tokens:1: the name holds a control character"},
	} {
		_, err := tokens.Parse("tokens", []byte(test.text), tokens.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", test.text, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a:" + digest("x")))
	f.Add([]byte("#\n\nb:0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := tokens.Parse("tokens", data, tokens.Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokens:") || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q", err)
			}
			return
		}
		for _, guess := range []string{"", string(data), strings.TrimSpace(string(data))} {
			if p, err := l.CheckToken(t.Context(), guess); err == nil {
				t.Errorf("%q is accepted as a token of %v", guess, p)
			}
		}
	})
}

// A new token is accepted after its line was added, and the line does not contain it.
func TestAdd(t *testing.T) {
	data := []byte("# tokens\r\n")
	for _, name := range []string{"robot", "robot", "zoë"} {
		token := tokens.New()
		added, err := tokens.Add("tokens", data, name, token)
		if err != nil {
			t.Fatal(err)
		}
		line, ok := strings.CutPrefix(string(added), string(data))
		if !ok || !strings.HasPrefix(line, name+":") || !strings.HasSuffix(line, "\r\n") || strings.Contains(line, token) {
			t.Errorf("%q became %q", data, added)
		}
		list, err := tokens.Parse("tokens", added, tokens.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := list.CheckToken(t.Context(), token); err != nil || p.Name != name {
			t.Errorf("the token of %s is that of %q: %v", name, p.Name, err)
		}
		if _, err := tokens.Add("tokens", added, "other", token); err == nil {
			t.Error("a token was added twice")
		}
		data = added
	}
	for _, name := range []string{"", "#robot", "a:b", "anyone", "a\nb"} {
		if _, err := tokens.Add("tokens", data, name, tokens.New()); err == nil {
			t.Errorf("a token for %q was added", name)
		}
	}
	if _, err := tokens.Add("tokens", data, "robot", ""); err == nil {
		t.Error("an empty token was added")
	}
	if _, err := tokens.Add("tokens", []byte("robot"), "robot", tokens.New()); err == nil || !strings.HasPrefix(err.Error(), "tokens:1: ") {
		t.Errorf("an invalid file: %v", err)
	}
}
