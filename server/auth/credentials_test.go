package auth_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestHeader(t *testing.T) {
	tests := []struct {
		values []string
		want   string // NAME|PASSWORD|TOKEN; "" is ErrCredentials
	}{
		{[]string{"Basic " + encode("alice:secret")}, "alice|secret|"},
		{[]string{"bAsIc   " + encode("alice:secret")}, "alice|secret|"},
		{[]string{"Basic " + encode("alice:")}, "alice||"},
		{[]string{"Basic " + encode("alice:a:b")}, "alice|a:b|"},
		{[]string{"Basic " + encode("zoë:пароль 🔑")}, "zoë|пароль 🔑|"},
		{[]string{"Bearer abc._~+/-=="}, "||abc._~+/-=="},
		{[]string{"BEARER a.b.c"}, "||a.b.c"},

		{[]string{""}, ""},
		{[]string{"Basic"}, ""},
		{[]string{"Basic "}, ""},
		{[]string{" Basic " + encode("alice:secret")}, ""},
		{[]string{"Basic\t" + encode("alice:secret")}, ""},
		{[]string{"Basic " + encode("alice:secret") + " "}, ""},
		{[]string{"Basic " + encode("alice:secret") + ", Bearer abc"}, ""},
		{[]string{"Basic " + encode("alice:secret"), "Basic " + encode("alice:secret")}, ""},
		{[]string{"Basic " + encode("alice:secret"), ""}, ""},
		{[]string{"Basic " + encode("alice")}, ""},
		{[]string{"Basic " + encode(":secret")}, ""},
		{[]string{"Basic " + encode("alice:sec\nret")}, ""},
		{[]string{"Basic " + encode("al\x00ice:secret")}, ""},
		{[]string{"Basic " + encode("alice:sec\u0085ret")}, ""},
		{[]string{"Basic " + encode("alice:\xff")}, ""},
		{[]string{"Basic " + strings.TrimRight(encode("alice:secret"), "=") + "="}, ""},
		{[]string{"Basic YTpi\nYTpi"}, ""},
		{[]string{"Basic alice:secret"}, ""},
		{[]string{"Bearer"}, ""},
		{[]string{"Bearer ="}, ""},
		{[]string{"Bearer a b"}, ""},
		{[]string{"Bearer a=b"}, ""},
		{[]string{"Bearer \"abc\""}, ""},
		{[]string{"Bearer " + strings.Repeat("a", 16<<10)}, ""},
		{[]string{`Digest username="alice"`}, ""},
		{[]string{"Negotiate YTpi"}, ""},
		{[]string{"Token abc"}, ""},
	}
	for _, test := range tests {
		name, password, token, given, err := auth.ParseHeader(test.values)
		got := name + "|" + password + "|" + token
		if test.want == "" {
			if !errors.Is(err, auth.ErrCredentials) || !given || got != "||" {
				t.Errorf("%q: %q, %v, %v", test.values, got, given, err)
			}
		} else if err != nil || !given || got != test.want {
			t.Errorf("%q: %q, %v, %v, want %q", test.values, got, given, err, test.want)
		}
	}
	if _, _, _, given, err := auth.ParseHeader(nil); given || err != nil {
		t.Errorf("no header: %v, %v", given, err)
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"Basic YWxpY2U6c2VjcmV0", "Bearer a.b.c", "Basic", "", "basic  Og==", "Digest x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		name, password, token, given, err := auth.ParseHeader([]string{value})
		switch {
		case !given:
			t.Error("a header is ignored")
		case err != nil && (!errors.Is(err, auth.ErrCredentials) || name+password+token != ""):
			t.Errorf("%v with %q %q %q", err, name, password, token)
		case err != nil:
		case (name == "") == (token == ""):
			t.Errorf("name %q, token %q", name, token)
		case name != "":
			s := name + ":" + password
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(name, ":") {
				t.Errorf("took %q", s)
			}
			if !strings.HasSuffix(value, encode(s)) {
				t.Errorf("%q decodes like %q", value, s)
			}
		default:
			if !strings.HasSuffix(value, token) || strings.ContainsAny(token, " \t,\"") {
				t.Errorf("token %q", token)
			}
		}
	})
}
