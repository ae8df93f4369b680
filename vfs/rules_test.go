package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func TestZeroPolicyAllowsNothing(t *testing.T) {
	b := &everything{entries: []vfs.Entry{{Elem: "a"}}}
	j := mustJail(t, b, vfs.Policy{})
	for _, op := range []vfs.Op{vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload} {
		for _, s := range []string{"a", "a/b", ".", ".env"} {
			if v := j.Explain(t.Context(), op, mustName(t, s)); v.Allowed || v.Reason == "" {
				t.Errorf("%s %s is allowed", op, s)
			}
		}
	}
	if _, err := j.ReadDir("."); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the top: %v", err)
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("the backend was called %d times", n)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := vfs.New(nil, vfs.Policy{}); err == nil {
		t.Error("no backend")
	}
	for _, p := range []vfs.Policy{{MaxLen: -1}, {Symlinks: 7}} {
		if _, err := vfs.New(&everything{}, p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

// The rule of a verdict is the first matching pattern, in the order of the policy,
// whatever its kind.
func TestRuleIsTheFirstThatMatches(t *testing.T) {
	set, err := vfs.ReadNameSet("list.txt", strings.NewReader("x.txt\n\ny.txt\n"))
	if err != nil {
		t.Fatal(err)
	}
	exact, glob, expr := vfs.Patterns("x.txt")[0], vfs.Patterns("*.txt")[0], vfs.Patterns(`re:.*\.txt`)[0]
	mixed := vfs.Patterns("{x.txt,*.md}")[0]
	for _, c := range []struct {
		allow      []vfs.Pattern
		name, rule string
	}{
		{[]vfs.Pattern{exact, glob, expr, set}, "x.txt", "x.txt"},
		{[]vfs.Pattern{glob, exact, expr, set}, "x.txt", "*.txt"},
		{[]vfs.Pattern{expr, set, glob, exact}, "x.txt", `re:.*\.txt`},
		{[]vfs.Pattern{set, exact}, "x.txt", "list.txt:1"},
		{[]vfs.Pattern{set, exact}, "y.txt", "list.txt:3"},
		{[]vfs.Pattern{set, glob}, "z.txt", "*.txt"},
		{[]vfs.Pattern{mixed, exact}, "x.txt", "{x.txt,*.md}"},
		{[]vfs.Pattern{exact, mixed}, "x.txt", "x.txt"},
		{[]vfs.Pattern{{}, mixed}, "a.md", "{x.txt,*.md}"},
	} {
		if v := judge(t, vfs.Policy{Allow: c.allow}, c.name); !v.Allowed || v.Rule != c.rule {
			t.Errorf("%v, %s: allowed %t by %q, want %q", c.allow, c.name, v.Allowed, v.Rule, c.rule)
		}
	}
}

// A policy is read once: later changes to its slices have no effect.
func TestPolicyIsReadOnce(t *testing.T) {
	allow, deny := vfs.Patterns("a", "docs/*"), vfs.Patterns("docs/x", "*.key")
	j := mustJail(t, &everything{}, vfs.Policy{Allow: allow, Deny: deny})
	allow[0], allow[1], deny[0], deny[1] = vfs.Pattern{}, vfs.Pattern{}, vfs.Pattern{}, vfs.Pattern{}
	for name, rule := range map[string]string{"a": "a", "docs/a": "docs/*", "docs/x": "docs/x", "a.key": "*.key"} {
		if v := j.Explain(t.Context(), vfs.OpRead, mustName(t, name)); v.Rule != rule {
			t.Errorf("%s: rule %q, want %q", name, v.Rule, rule)
		}
	}
	if v := j.Explain(t.Context(), vfs.OpList, vfs.Root); v.Rule == "" {
		t.Errorf("the top: no rule (%s)", v.Reason)
	}
}

func TestMaxLen(t *testing.T) {
	p := vfs.Policy{Allow: vfs.Patterns("**"), MaxLen: 4}
	for name, want := range map[string]vfs.Reason{"abcd": "", "a/bc": "", "abcde": reason.NameTooLong, "éé": "", "ééa": reason.NameTooLong} {
		if v := judge(t, p, name); v.Reason != want {
			t.Errorf("%s: %q, want %q", name, v.Reason, want)
		}
	}
	p.MaxLen = 1 << 20
	if v := judge(t, p, longName); !v.Allowed {
		t.Errorf("a limit above the grammar's refuses: %s", v.Reason)
	}
}

// These names may be read but not created under "**".
func TestCreateRules(t *testing.T) {
	for name, want := range map[string]vfs.Reason{
		"a.txt": "", "фото/a b.jpg": "", "café": "", "a..b": "", "com": "", "com10": "", "console": "", "nul1/x": "", "auxiliary": "", "a.con": "",
		"cafe\u0301": reason.CreateNFC, "\u212a": reason.CreateNFC,
		"10:30.log": reason.CreateChar, "a*": reason.CreateChar, "a?": reason.CreateChar, `a"`: reason.CreateChar, "<": reason.CreateChar, "a/>/b": reason.CreateChar, "|": reason.CreateChar,
		"a.": reason.CreateTrailing, "a ": reason.CreateTrailing, "a./b": reason.CreateTrailing, " ": reason.CreateTrailing,
		"con": reason.CreateDevice, "CON.txt": reason.CreateDevice, "a/NuL/b": reason.CreateDevice, "aux.tar.gz": reason.CreateDevice, "prn": reason.CreateDevice,
		"com1": reason.CreateDevice, "COM¹.x": reason.CreateDevice, "lpt9": reason.CreateDevice, "lpt³": reason.CreateDevice, "CONIN$": reason.CreateDevice, "conout$": reason.CreateDevice, "con .txt": reason.CreateDevice,
		".env": reason.PolicyDotfile,
	} {
		j := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**")})
		n := mustName(t, name)
		if v := j.Explain(t.Context(), vfs.OpWrite, n); v.Reason != want || v.Allowed != (want == "") {
			t.Errorf("write %q: %q, want %q", name, v.Reason, want)
		}
		if v := j.Explain(t.Context(), vfs.OpRead, n); want.Step() == "create" && !v.Allowed {
			t.Errorf("read %q: %s", name, v.Reason)
		}
	}
}

// Authorize is called after the patterns and before the backend, with the name that is
// then opened. A name that it refuses looks missing.
func TestAuthorize(t *testing.T) {
	type key struct{}
	b := &everything{entries: []vfs.Entry{{Elem: "alice", Kind: vfs.KindDir}, {Elem: "bob", Kind: vfs.KindDir}, {Elem: "x.key"}}}
	var asked []string
	errNo := errors.New("not the owner")
	j := mustJail(t, b, vfs.Policy{
		Allow: vfs.Patterns("*/**"), Deny: vfs.Patterns("**/*.key"),
		Authorize: vfs.AuthorizeFunc(func(ctx context.Context, op vfs.Op, n vfs.Name) error {
			asked = append(asked, string(op)+" "+n.String())
			if user := ctx.Value(key{}); n.IsRoot() || user != nil && strings.HasPrefix(n.String()+"/", user.(string)+"/") {
				return nil
			}
			return errNo
		}),
	})
	ctx := context.WithValue(t.Context(), key{}, "alice")

	for _, s := range []string{"alice/x.key", "alice/.env", "x.key"} {
		if _, err := j.Get(ctx, mustName(t, s), vfs.Request{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := j.Get(ctx, vfs.Name{}, vfs.Request{}); vfs.ReasonOf(err) != reason.NameEmpty {
		t.Errorf("the zero Name: %v", err)
	}
	if len(asked) != 0 || b.calls.Load() != 0 {
		t.Errorf("for refused names, Authorize was called with %q, the backend %d times", asked, b.calls.Load())
	}

	_, err := j.Get(ctx, mustName(t, "bob/a"), vfs.Request{})
	if vfs.ReasonOf(err) != reason.AuthDenied || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, errNo) || b.calls.Load() != 0 {
		t.Errorf("bob/a: %v (%s), %d calls", err, vfs.ReasonOf(err), b.calls.Load())
	}
	if strings.Contains(err.Error(), errNo.Error()) {
		t.Errorf("the error's text reveals the cause: %v", err)
	}
	if _, err := j.Head(t.Context(), mustName(t, "alice/a"), vfs.Request{}); vfs.ReasonOf(err) != reason.AuthDenied {
		t.Errorf("without a principal: %v", err)
	}

	asked = nil
	obj, err := j.Get(ctx, mustName(t, "alice/a"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	obj.Body.Close()
	if len(asked) != 1 || asked[0] != "read alice/a" || b.last.Load() != "alice/a" {
		t.Errorf("asked %q, opened %v", asked, b.last.Load())
	}
	if obj.Info.Rule != "*/**" {
		t.Errorf("rule %q", obj.Info.Rule)
	}
	var seen []string
	for e, err := range j.List(ctx, vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.Key())
	}
	if len(seen) != 1 || seen[0] != "alice/" {
		t.Errorf("alice sees %q", seen)
	}
}
