package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// userPatterns have the placeholder in every position of an element.
var userPatterns = []string{"{user}", "{user}/**", "{user}/*", "{user}/a.txt", "home/{user}", "home/{user}/**", "**/{user}", "**/{user}/x?.txt", "{user}/{user}/**", "{a,home}/{user}/[a-z]*"}

// languages are user names with a special meaning in some language: globs, regular
// expressions, paths, templates, file systems.
var languages = []string{
	"alice", "*", "**", "?", "[a-z]*", "{alice,bob}", `\*`, `a\`, "!a", "a,b", "^", "re:.+", "re:.*", "re:(?s).+", "re:", "RE:.+", "re:[^/]+",
	"..", ".", "a/b", "/", "", "alice/..", "{user}", ".alice", "~", "a b", " ", "ａｌｉｃｅ", "ALICE", "aux", "a:b", "a.", "-", "#a", "//",
	"e\u0301", "\u00e9", "\u202ealice", "ali\x00ce", "alice\n", "\xff", strings.Repeat("u", 256), "*.txt", "<script>", "re:|", "re:a|.*",
}

// meansOnlyItself checks that a rule for user matches n only if n has the element user,
// byte for byte, where the pattern has the placeholder.
func meansOnlyItself(t *testing.T, l *access.List, user string, n vfs.Name) {
	t.Helper()
	if pattern, ok := l.Decide(auth.Principal{Name: user}, vfs.OpRead, n, nil); ok && !slices.Contains(strings.Split(n.String(), "/"), user) {
		t.Errorf("%q permits the user %q to read %q", pattern, user, n)
	}
}

// perUser returns a list for each of userPatterns.
func perUser(t testing.TB) []*access.List {
	t.Helper()
	lists := make([]*access.List, len(userPatterns))
	for i, pattern := range userPatterns {
		lists[i] = compile(t, nil, access.Rule{Who: "authenticated", Can: []vfs.Op{vfs.OpRead}, Names: []string{pattern}})
	}
	return lists
}

// At some identity providers, users can choose any name.
func TestUserMeansOnlyItself(t *testing.T) {
	lists := perUser(t)
	names := []string{"alice", "alice/a.txt", "bob/a.txt", "home/alice", "home/alice/x1.txt", "home/bob/secret", "x/y/z", "bob/bob/b", "a/carol/k", "home", ".."}
	for _, user := range languages {
		for _, elem := range append(names, user, user+"/a.txt", "home/"+user+"/x", "home/"+user+"0/x", "home/"+strings.ToUpper(user)+"/x") {
			n, err := vfs.ParseName(elem)
			if err != nil {
				continue
			}
			for _, l := range lists {
				meansOnlyItself(t, l, user, n)
			}
		}
	}
}

// Users whose name can be an element can access their own files.
func TestUserHasHisOwn(t *testing.T) {
	l := compile(t, nil, access.Rule{Who: "authenticated", Can: []vfs.Op{vfs.OpRead}, Names: []string{"{user}/**", "home/{user}/*.txt"}})
	served := 0
	for _, user := range languages {
		for _, path := range []string{user + "/a/b", "home/" + user + "/a.txt"} {
			n, err := vfs.ParseName(path)
			if err != nil || strings.Contains(user, "/") {
				continue
			}
			if _, ok := l.Decide(auth.Principal{Name: user}, vfs.OpRead, n, nil); !ok {
				t.Errorf("the user %q may not read %q", user, n)
			}
			served++
		}
	}
	if served < 40 {
		t.Errorf("only %d names were tested", served)
	}
}

// The control: if the name is inserted without escaping, some users can read the files
// of others.
func TestUserControl(t *testing.T) {
	reached := 0
	for _, user := range languages {
		p, err := vfs.ParsePattern(strings.ReplaceAll("{user}/*", "{user}", user))
		if err != nil {
			continue
		}
		if _, ok := vfs.NewMatcher([]vfs.Pattern{p}).Match(vfs.OpRead, name(t, "bob/secret")); ok {
			reached++
		}
	}
	if reached < 4 {
		t.Errorf("%d names can access the files of others", reached)
	}
}

func FuzzUser(f *testing.F) {
	for i, user := range languages {
		f.Add(user, "home/bob/a.txt", uint8(i))
		f.Add(user, user+"/a.txt", uint8(i))
	}
	lists := perUser(f)
	f.Fuzz(func(t *testing.T, user, path string, at uint8) {
		n, err := vfs.ParseName(path)
		if err != nil {
			return
		}
		meansOnlyItself(t, lists[int(at)%len(lists)], user, n)
	})
}
