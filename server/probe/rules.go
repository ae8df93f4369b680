package probe

import (
	"context"
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Rules say which names the server is to serve, as patterns of [vfs.ParsePattern], relative
// to the directory that it serves. Deny overrides Allow. An empty Allow means "**": all
// names without an element that begins with a dot.
type Rules struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// compile returns a jail without files: only its verdicts are of interest.
func (r Rules) compile() (*vfs.Jail, error) {
	var p vfs.Policy
	allow := r.Allow
	if len(allow) == 0 {
		allow = []string{"**"}
	}
	for _, side := range []struct {
		srcs []string
		to   *[]vfs.Pattern
	}{{allow, &p.Allow}, {r.Deny, &p.Deny}} {
		for _, src := range side.srcs {
			pattern, err := vfs.ParsePattern(src)
			if err != nil {
				return nil, fmt.Errorf("probe: %w", err)
			}
			*side.to = append(*side.to, pattern)
		}
	}
	return vfs.New(vfs.FromFS(embed.FS{}), p)
}

// serves reports whether the rules let a file through.
func serves(jail *vfs.Jail, name string) bool { return permits(jail, vfs.OpRead, name) }

// shows reports whether a directory may be known: something below it can be served.
func shows(jail *vfs.Jail, dir string) bool { return permits(jail, vfs.OpList, dir) }

func permits(jail *vfs.Jail, op vfs.Op, name string) bool {
	n, err := vfs.ParseName(name)
	return err == nil && jail.Explain(context.Background(), op, n).Allowed
}

// A shape is what names have in common that the rules let through: they are a prefix, which
// is empty or ends with a slash, something, and a suffix.
type shape struct {
	Prefix string `json:"prefix"`
	Suffix string `json:"suffix"`
}

func (s shape) name(middle string) string { return s.Prefix + middle + s.Suffix }

// findShape returns the widest shape below top that the rules let through. top is empty or
// ends with a slash.
func findShape(jail *vfs.Jail, r Rules, top string) (best shape, ok bool) {
	candidates := []shape{{Prefix: top}, {Prefix: top + "public/"}}
	for _, src := range r.Allow {
		name := instance(src)
		dir, file := path.Split(name)
		ext := path.Ext(file)
		for _, prefix := range []string{top, top + dir, dir} {
			if strings.HasPrefix(prefix, top) {
				candidates = append(candidates, shape{prefix, ""}, shape{prefix, ext}, shape{prefix, strings.TrimPrefix(file, "x")})
			}
		}
	}
	most := 0
	for _, c := range candidates {
		if !serves(jail, c.name("x")) {
			continue
		}
		n := 0
		for _, middle := range []string{"x", "d/x", "d/e/x", "two words", "x-0a1b2c3d", "x.txt"} {
			if serves(jail, c.name(middle)) {
				n++
			}
		}
		if n > most {
			most, best = n, c
		}
	}
	return best, most > 0
}

// instance returns a name that the glob src may match, "" if there is none to be had
// simply.
func instance(src string) string {
	if strings.HasPrefix(src, "re:") {
		return ""
	}
	var elems []string
	all := strings.Split(src, "/")
	for i, elem := range all {
		if elem == "**" {
			if i == len(all)-1 {
				elems = append(elems, "x")
			}
			continue
		}
		elems = append(elems, literal(elem))
	}
	return strings.Join(elems, "/")
}

// literal replaces the special characters of an element of a glob by what they match.
func literal(elem string) string {
	var b strings.Builder
	for i := 0; i < len(elem); i++ {
		switch c := elem[i]; c {
		case '*':
			if !strings.HasSuffix(b.String(), "x") {
				b.WriteByte('x')
			}
		case '?':
			b.WriteByte('x')
		case '\\':
			if i++; i < len(elem) {
				b.WriteByte(elem[i])
			}
		case '[', '{':
			closing := map[byte]byte{'[': ']', '{': '}'}[c]
			end := strings.IndexByte(elem[i:], closing)
			if end < 2 {
				return ""
			}
			inner := elem[i+1 : i+end]
			if c == '[' {
				inner = inner[:1]
			}
			first, _, _ := strings.Cut(inner, ",")
			b.WriteString(first)
			i += end
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
