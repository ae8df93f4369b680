package review

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A rule is one pattern of the configuration.
type rule struct {
	key     string // of the configuration
	src     string // as written; the file's name for a file of names
	kind    ruleKind
	matches func(vfs.Name) bool
	met     bool // it matched a name of the source
}

type ruleKind uint8

const (
	allowRule ruleKind = iota
	fileRule           // a file of exact names
	denyRule
	accessRule // the names of an access rule
)

// maxNames limits the names and directories that are kept to find the nearest one.
const maxNames = 10_000

// rules are the rules of a mount, and what its source has.
type rules struct {
	all    []*rule
	bases  []string // the names of the sources' directories
	grows  bool     // clients can create names, so a rule may be for names to come
	partly bool     // the source has names that the scan did not see

	found   bool // the source has names
	exposed bool // some of them are allowed
	names   []vfs.Name
	dirs    map[string]bool // always with those that a rule has as its pattern
	closed  map[string]bool // those of dirs in which the allow rules leave out a name
	written map[string]bool // the patterns of the rules
}

// rulesOf returns the rules of a mount.
func (r *reviewer) rulesOf(m *config.Mount, key string) *rules {
	rs := &rules{
		grows: m.Write || m.Writer() != nil,
		// The scan does not enter directories behind links.
		partly: m.Symlinks == "inside",
		dirs:   map[string]bool{},
		closed: map[string]bool{}, written: map[string]bool{},
	}
	for _, source := range m.Layers() {
		dir, ok := source.Local()
		if abs, err := filepath.Abs(dir); ok && err == nil {
			rs.bases = append(rs.bases, filepath.Base(abs))
		}
	}
	add := func(key, src string, kind ruleKind, matches func(vfs.Name) bool) {
		if matches != nil {
			rs.written[src] = true
			rs.all = append(rs.all, &rule{key: key, src: src, kind: kind, matches: matches})
		}
	}
	for j, p := range m.Allow {
		add(item(key+".allow", j), p.String(), allowRule, matcherOf(p))
	}
	for j, p := range m.Deny {
		add(item(key+".deny", j), p.String(), denyRule, denierOf(p))
	}
	if allowed, err := r.cfg.Allowed(m); err == nil {
		for j, p := range allowed[len(m.Allow):] {
			add(item(key+".allow_file", j), string(m.AllowFile[j]), fileRule, matcherOf(p))
		}
	}
	for j, access := range m.Access {
		for k, src := range access.Names {
			add(item(item(key+".access", j)+".names", k), src, accessRule, compile(accessRule, src))
		}
	}
	return rs
}

// compile returns the names that a pattern of this kind matches, nil if it is none.
func compile(kind ruleKind, src string) func(vfs.Name) bool {
	if kind == accessRule {
		src = forAnyUser(src)
	}
	p, err := vfs.ParsePattern(src)
	switch {
	case err != nil:
		return nil
	case kind == denyRule:
		return denierOf(p)
	}
	return matcherOf(p)
}

func matcherOf(p vfs.Pattern) func(vfs.Name) bool {
	m := vfs.NewMatcher([]vfs.Pattern{p})
	return func(n vfs.Name) bool {
		_, ok := m.Match(vfs.OpRead, n)
		return ok
	}
}

// denierOf asks a jail, since a deny pattern also covers other spellings and what lies below.
func denierOf(p vfs.Pattern) func(vfs.Name) bool {
	jail, err := vfs.New(mem.New(), vfs.Policy{Deny: []vfs.Pattern{p}})
	if err != nil {
		return nil
	}
	return func(n vfs.Name) bool {
		return jail.Explain(context.Background(), vfs.OpRead, n).Reason == reason.PolicyDeny
	}
}

// add tells the rules of a name in the source.
func (rs *rules) add(f vfs.Finding) {
	if f.Name.IsZero() || f.Op == vfs.OpList {
		// A name that no rule can match, or a directory that cannot be read.
		rs.partly = rs.partly || f.Op == vfs.OpList
		return
	}
	rs.found = true
	rs.exposed = rs.exposed || f.Allowed
	for _, r := range rs.all {
		if !r.met && (f.Allowed || r.kind != accessRule) {
			r.met = r.matches(f.Name)
		}
	}
	if len(rs.names)+len(rs.dirs) < maxNames {
		rs.names = append(rs.names, f.Name)
	}
	rs.addDirs(rs.dirs, f.Name)
	if f.Reason == reason.PolicyNoAllow {
		rs.addDirs(rs.closed, f.Name)
	}
}

// addDirs adds to dirs, which is rs.dirs or rs.closed, the directories above n.
func (rs *rules) addDirs(dirs map[string]bool, n vfs.Name) {
	for dir := n.Dir(); !dir.IsRoot() && !dirs[dir.String()]; dir = dir.Dir() {
		if len(rs.names)+len(rs.dirs) < maxNames || rs.written[dir.String()] {
			dirs[dir.String()] = true
		}
	}
}

// report warns of each rule that matched nothing, after the whole source was scanned; of a deny
// rule only if another pattern was probably meant.
func (rs *rules) report(to *reviewer) {
	for _, r := range rs.all {
		if flag := expandedBy(to, r); flag != "" && !r.met && !rs.partly {
			to.warn(r.key, "%s matches nothing, but is a file in the working directory; %s", cli.Printable(r.src), cli.QuotePattern(flag, []string{r.src}))
			continue
		}
		if !rs.found {
			continue // there is nothing yet that a rule could match
		}
		isDir := r.kind != denyRule && r.kind != fileRule && rs.dirs[r.src]
		switch {
		case isDir && r.kind == allowRule && !rs.closed[r.src]:
			continue // other rules allow what is in it
		case r.met, !isDir && (rs.grows || rs.partly), r.kind == accessRule && !rs.exposed:
			continue
		case r.kind == fileRule:
			to.warn(r.key, "none of the names in %s exists in the source", cli.Printable(r.src))
			continue
		}
		near := rs.nearest(r)
		if r.kind == denyRule && near == "" {
			continue // probably a precaution
		}
		text := cli.Printable(r.src) + " matches nothing"
		if r.kind == accessRule {
			text = cli.Printable(r.src) + " matches no allowed name"
		}
		if isDir {
			text += ": it is a directory"
		}
		if near != "" {
			text += "; did you mean " + cli.Printable(near) + "?"
		}
		to.warn(r.key, "%s", text)
	}
}

// expandedBy returns the flag that has the rule, if a shell may have expanded a pattern to it:
// it is the name of a file in the working directory.
func expandedBy(to *reviewer, r *rule) (flag string) {
	flag = map[ruleKind]string{allowRule: "allow", denyRule: "deny"}[r.kind]
	if flag == "" || to.cfg.At(r.key) != "--"+flag {
		return ""
	}
	if info, err := os.Lstat(filepath.FromSlash(r.src)); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return flag
}

// nearest returns the pattern that r was probably meant to be, "" if none is near. It matches
// some name.
func (rs *rules) nearest(r *rule) string {
	if strings.HasPrefix(r.src, "re:") {
		return ""
	}
	if rs.dirs[r.src] && r.kind != denyRule {
		return r.src + "/**"
	}
	for _, src := range rs.variants(r) {
		if matches := compile(r.kind, src); src != r.src && matches != nil && slices.ContainsFunc(rs.names, matches) {
			return src
		}
	}
	return ""
}

// variants returns the patterns that r could have been meant to be, the likeliest first.
func (rs *rules) variants(r *rule) []string {
	var all []string
	if r.kind != denyRule { // a deny pattern covers what lies below
		all = append(all, r.src+"/**")
	}
	for _, base := range rs.bases {
		if rest, ok := strings.CutPrefix(r.src, base+"/"); ok {
			all = append(all, rest)
		}
	}
	if n, err := vfs.ParseName(r.src); err == nil && !isPattern(r.src) {
		near := spelling.Nearest(r.src, rs.likelyNames(len(n.String())))
		if rs.dirs[near] && r.kind != denyRule {
			near += "/**"
		}
		all = append(all, near)
	}
	return append(all, rs.respelled(r.src), "**/"+r.src)
}

// likelyNames returns the files and directories whose names are about so long.
func (rs *rules) likelyNames(length int) []string {
	var likely []string
	take := func(s string) {
		if d := len(s) - length; -2 <= d && d <= 2 {
			likely = append(likely, s)
		}
	}
	for dir := range rs.dirs {
		take(dir)
	}
	for _, n := range rs.names {
		take(n.String())
	}
	slices.Sort(likely)
	return likely
}

// respelled returns a glob with its first unknown directory replaced by the nearest one.
func (rs *rules) respelled(src string) string {
	elems := strings.Split(src, "/")
	for i, elem := range elems[:len(elems)-1] {
		dir := strings.Join(elems[:i+1], "/")
		switch {
		case isPattern(elem):
			return ""
		case rs.dirs[dir]:
			continue
		}
		near := spelling.Nearest(dir, rs.likelyNames(len(dir)))
		if near == "" {
			return ""
		}
		return near + "/" + strings.Join(elems[i+1:], "/")
	}
	return ""
}

func isPattern(s string) bool { return strings.ContainsAny(s, `*?[{\`) }
