package access_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func compile(t testing.TB, groups map[string][]string, rules ...access.Rule) *access.List {
	t.Helper()
	l, err := access.Compile(rules, groups)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	if s == "." {
		return vfs.Root
	}
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var all = []vfs.Op{vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload}

func TestDecide(t *testing.T) {
	l := compile(t, map[string][]string{"editors": {"bob"}},
		access.Rule{Who: "anyone", Can: []vfs.Op{vfs.OpRead}, Names: []string{"public/**"}},
		access.Rule{Who: "authenticated", Can: all, Names: []string{"home/{user}/**"}},
		access.Rule{Who: "group:editors", Can: []vfs.Op{vfs.OpRead, vfs.OpList}, Names: []string{"**"}},
		access.Rule{Who: "group:sales", Can: []vfs.Op{vfs.OpRead}, Names: []string{"sales/*"}},
		access.Rule{Who: "user:carol", Can: []vfs.Op{vfs.OpRead}},
		access.Rule{Who: "claim:dept=law", Can: []vfs.Op{vfs.OpRead}, Names: []string{"law/**"}},
		access.Rule{Who: "owner", Can: []vfs.Op{vfs.OpRead, vfs.OpDelete}, Names: []string{"uploads/*"}},
	)
	alice, bob := auth.Principal{Name: "alice"}, auth.Principal{Name: "bob"}
	tests := []struct {
		p     auth.Principal
		op    vfs.Op
		name  string
		owner string
		want  bool
	}{
		{auth.Principal{}, vfs.OpRead, "public/a", "", true},
		{auth.Principal{}, vfs.OpWrite, "public/a", "", false},
		{auth.Principal{}, vfs.OpRead, "home/alice/a", "", false},
		{alice, vfs.OpWrite, "home/alice/a", "", true},
		{alice, vfs.OpWrite, "alice.txt", "", false},
		{alice, vfs.OpRead, "home/alice10/a", "", false},
		{alice, vfs.OpRead, "home/Alice/a", "", false},
		{alice, vfs.OpRead, "home/bob/a", "", false},
		{alice, vfs.OpList, "home/alice", "", true},
		{alice, vfs.OpList, "home/alice/deep/er", "", true},
		{alice, vfs.OpList, "home", "", true},
		{alice, vfs.OpList, ".", "", true},
		{alice, vfs.OpList, "home/bob", "", false},
		{alice, vfs.OpList, "law", "", false},
		{alice, vfs.OpRead, "public/a", "", true},
		{bob, vfs.OpRead, "home/alice/a", "", true},
		{bob, vfs.OpWrite, "home/alice/a", "", false},
		// A group defined by the server has exactly its listed members; other groups are the
		// principal's own.
		{auth.Principal{Name: "dan", Groups: []string{"editors"}}, vfs.OpRead, "x", "", false},
		{auth.Principal{Name: "dan", Groups: []string{"sales", "editors"}}, vfs.OpRead, "sales/x", "", true},
		{auth.Principal{Name: "bob", Groups: []string{"sale"}}, vfs.OpRead, "x", "", true},
		{auth.Principal{Name: "sales"}, vfs.OpRead, "sales/x", "", false},
		{auth.Principal{Name: "carol"}, vfs.OpRead, "anything", "", true},
		{auth.Principal{Name: "Carol"}, vfs.OpRead, "anything", "", false},
		{auth.Principal{Name: "eve", Claims: map[string][]string{"dept": {"tax", "law"}}}, vfs.OpRead, "law/a", "", true},
		{auth.Principal{Name: "eve", Claims: map[string][]string{"dept": {"lawyer"}}}, vfs.OpRead, "law/a", "", false},
		{auth.Principal{Claims: map[string][]string{"dept": {"law"}}, Groups: []string{"editors"}}, vfs.OpRead, "law/a", "", false},
		{alice, vfs.OpDelete, "uploads/x", "alice", true},
		{alice, vfs.OpDelete, "uploads/x", "bob", false},
		{alice, vfs.OpDelete, "uploads/x", "", false},
		{auth.Principal{}, vfs.OpDelete, "uploads/x", "", false},
		// User names with a special meaning in a glob or path.
		{auth.Principal{Name: "*"}, vfs.OpRead, "home/alice/a", "", false},
		{auth.Principal{Name: "*"}, vfs.OpRead, "home/*/a", "", true},
		{auth.Principal{Name: "{alice,bob}"}, vfs.OpRead, "home/alice/a", "", false},
		{auth.Principal{Name: "[a-z]lice"}, vfs.OpRead, "home/alice/a", "", false},
		{auth.Principal{Name: "alice/deep"}, vfs.OpRead, "home/alice/deep/a", "", false},
		{auth.Principal{Name: ".."}, vfs.OpRead, "home/x/a", "", false},
		{auth.Principal{Name: "{user}"}, vfs.OpRead, "home/alice/a", "", false},
		{auth.Principal{Name: "{user}"}, vfs.OpRead, "home/{user}/a", "", true},
		{auth.Principal{Name: "a-b!^"}, vfs.OpRead, "home/a-b!^/x", "", true},
	}
	for _, tt := range tests {
		rule, ok := l.Decide(tt.p, tt.op, name(t, tt.name), &tt.owner)
		if ok != tt.want || ok != (rule != "") {
			t.Errorf("%+v %s %s: %t by %q, want %t", tt.p, tt.op, tt.name, ok, rule, tt.want)
		}
		err := l.Authorize(auth.WithPrincipal(t.Context(), tt.p), tt.op, name(t, tt.name))
		if tt.owner == "" && (err == nil) != tt.want {
			t.Errorf("%+v %s %s: Authorize %v, want %t", tt.p, tt.op, tt.name, err, tt.want)
		}
	}
	if !l.Open(vfs.OpRead) || l.Open(vfs.OpWrite) || new(access.List).Open(vfs.OpRead) {
		t.Error("Open returns the wrong result")
	}
	if !l.OpenTo(vfs.OpRead, name(t, "public/a")) || l.OpenTo(vfs.OpRead, name(t, "law/a")) {
		t.Error("OpenTo returns the wrong result")
	}
}

func TestCompile(t *testing.T) {
	read := []vfs.Op{vfs.OpRead}
	for _, r := range []access.Rule{
		{Who: "", Can: read},
		{Who: "everyone", Can: read},
		{Who: "user:", Can: read},
		{Who: "group", Can: read},
		{Who: "claim:x", Can: read},
		{Who: "claim:=x", Can: read},
		{Who: "anyone"},
		{Who: "anyone", Can: []vfs.Op{"reed"}},
		{Who: "anyone", Can: read, Names: []string{"a/["}},
		{Who: "anyone", Can: read, Names: []string{"home/x{user}"}},
		{Who: "anyone", Can: read, Names: []string{"re:home/{user}"}},
		{Who: "anyone", Can: read, Names: []string{"home/{users}/**"}},
		{Who: "anyone", Can: read, Names: []string{"home/{user}/{name}.txt"}},
	} {
		_, err := access.Compile([]access.Rule{r}, nil)
		if !errors.Is(err, access.ErrRule) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", r, err)
		}
	}
	// Braces that are not placeholders.
	for _, name := range []string{`home/\{users\}/a`, "{a,b}/**", "re:v[0-9]{2}", "re:[{]users[}]"} {
		if _, err := access.Compile([]access.Rule{{Who: "anyone", Can: read, Names: []string{name}}}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzWho checks that WhoPattern matches exactly what Compile accepts.
func FuzzWho(f *testing.F) {
	for _, who := range []string{"anyone", "everyone", "user:", "user:a", "group:a b", "claim:a", "claim:=b", "claim:a=", "claim:a=b=c", "owner", "", "Anyone", "user"} {
		f.Add(who)
	}
	pattern := regexp.MustCompile(access.WhoPattern)
	f.Fuzz(func(t *testing.T, who string) {
		if strings.ContainsAny(who, "\n") || !utf8.ValidString(who) {
			t.Skip("not a single line")
		}
		_, err := access.Compile([]access.Rule{{Who: who, Can: []vfs.Op{vfs.OpRead}}}, nil)
		if matches := pattern.MatchString(who); matches != (err == nil) {
			t.Errorf("%q: the pattern matches: %v, Compile: %v", who, matches, err)
		}
	})
}
