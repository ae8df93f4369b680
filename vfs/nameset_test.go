package vfs_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestReadNameSet(t *testing.T) {
	const list = "a.txt\r\n\n#b\ndocs/ c\n.env\n*\na.txt\n\r\ndocs/deep/er/d"
	set, err := vfs.ReadNameSet("allow.txt", strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	p := vfs.Policy{Allow: []vfs.Pattern{set}}
	for name, rule := range map[string]string{
		"a.txt": "allow.txt:1", "#b": "allow.txt:3", "docs/ c": "allow.txt:4", ".env": "allow.txt:5",
		"*": "allow.txt:6", "docs/deep/er/d": "allow.txt:9", "docs/c": "", "b": "", "docs": "", "A.txt": "",
	} {
		if v := judge(t, p, name); v.Rule != rule || v.Allowed != (rule != "") {
			t.Errorf("%q: allowed %t by %q, want %q", name, v.Allowed, v.Rule, rule)
		}
	}
	j := mustJail(t, &everything{}, p)
	for dir, want := range map[string]bool{".": true, "docs": true, "docs/deep": true, "docs/deep/er": true, "docs/deep/er/d": false, "doc": false, "a.txt": false} {
		if v := j.Explain(t.Context(), vfs.OpList, mustName(t, dir)); v.Allowed != want {
			t.Errorf("list %q: %t", dir, v.Allowed)
		}
	}
}

func TestReadNameSetErrors(t *testing.T) {
	for _, c := range []struct{ list, help string }{
		{"a\n../b\n", `f:2: an element may not be ".."`},
		{"/a\n", "f:1: a leading"},
		{"a\n\nb/\n", "f:3: a leading, trailing"},
		{"a\x00\n", "f:1: a name cannot contain NUL"},
		{"a\r\r\n", "f:1: a name cannot contain a control character"},
		{"\xff\n", "f:1: the name is not valid UTF-8"},
		{"\ufeffa\n", "f:1: a name cannot contain a byte order mark"},
		{"a\n" + longName + "x\nb", "f:2: a name can have at most 1024 bytes"},
		{"a\nb\n" + strings.Repeat("x/", 1<<20), "f:3: a name can have at most 1024 bytes"},
	} {
		p, err := vfs.ReadNameSet("f", strings.NewReader(c.list))
		if !errors.Is(err, vfs.ErrPattern) || !strings.Contains(err.Error(), c.help) || p.String() != "" {
			t.Errorf("%.20q: %v, want %q", c.list, err, c.help)
		}
	}
	broken := errors.New("broken")
	if _, err := vfs.ReadNameSet("f", iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, vfs.ErrPattern) {
		t.Errorf("a failing reader: %v", err)
	}
	for _, n := range []vfs.Name{{}, vfs.Root} {
		if _, err := vfs.NameSet("f", n); !errors.Is(err, vfs.ErrPattern) {
			t.Errorf("NameSet accepted %q: %v", n, err)
		}
	}
}

// An empty set is a list that allows nothing; it is not treated as a missing list.
func TestEmptyNameSet(t *testing.T) {
	set, err := vfs.ReadNameSet("empty", strings.NewReader("\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	j := mustJail(t, &everything{}, vfs.Policy{Allow: []vfs.Pattern{set}})
	if v := j.Explain(t.Context(), vfs.OpList, vfs.Root); v.Allowed {
		t.Error("the top can be listed")
	}
}
