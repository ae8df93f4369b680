package vfstest

import (
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// A NaiveServer serves files as some real server once did: it looks plausible and often
// checks something, but at least one attack succeeds. It returns what a client would
// get for the raw request path from the root that Plant made. Use it only to prove that
// an attack works.
type NaiveServer func(root, raw string) ([]byte, error)

// NaiveServers returns the naive servers by name. Those that imitate another system
// (Windows, a disk that folds names) do so on every system.
func NaiveServers() map[string]NaiveServer { return maps.Clone(naiveServers) }

var errNaive = errors.New("the naive server refused")

var naiveServers = map[string]NaiveServer{
	// Decodes and joins.
	"join": func(root, raw string) ([]byte, error) {
		return readBelow(root, decode(raw))
	},
	// Checks the prefix, but forgets the slash after the root, and links.
	"join-has-prefix": func(root, raw string) ([]byte, error) {
		full := filepath.Join(root, filepath.FromSlash(decode(raw)))
		if !strings.HasPrefix(full, root) {
			return nil, errNaive
		}
		return os.ReadFile(full)
	},
	// Check the string as sent, before decoding.
	"check-as-sent": func(root, raw string) ([]byte, error) {
		return unless(dotdot(raw), root, decode(raw))
	},
	"deny-as-sent": func(root, raw string) ([]byte, error) {
		return unless(denied(raw), root, decode(raw))
	},
	"allow-as-sent": func(root, raw string) ([]byte, error) {
		return unless(!strings.HasPrefix(raw, "public/"), root, decode(raw))
	},
	"dotfiles-as-sent": func(root, raw string) ([]byte, error) {
		return unless(strings.HasPrefix(raw, ".") || strings.Contains(raw, "/."), root, decode(raw))
	},
	// A list of denied names, each in a single spelling.
	"deny-exact": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		return unless(denied(name), root, name)
	},
	// Cleans instead of refusing.
	"strip-dotdot": func(root, raw string) ([]byte, error) {
		return readBelow(root, strings.ReplaceAll(decode(raw), "../", ""))
	},
	// Decodes again after the check.
	"double-decode": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		return unless(dotdot(name) || denied(name), root, decode(name))
	},
	"wide-escape": checkedThen(func(name string) string {
		return strings.NewReplacer("%u002e", ".", "%u2215", "/").Replace(name)
	}),
	"drop-bad-escape": checkedThen(func(name string) string { return strings.ReplaceAll(name, "%", "") }),
	// Drops path parameters as a servlet container does, after the front server's
	// check.
	"path-params": checkedThen(eachElement(func(e string) string {
		e, _, _ = strings.Cut(e, ";")
		return e
	})),
	"backslash": checkedThen(func(name string) string { return strings.ReplaceAll(name, `\`, "/") }),
	// A join in which an absolute name wins. The directory that contains the root
	// stands for the top of the disk or of a drive, and for a home directory.
	"absolute": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		if len(name) > 1 && name[1] == ':' {
			return readBelow(filepath.Dir(root), name[2:])
		}
		if share, ok := strings.CutPrefix(name, "//"); ok {
			_, name, _ = strings.Cut(share, "/")
			return readBelow(filepath.Dir(root), name)
		}
		if strings.HasPrefix(name, "/") {
			return readBelow(filepath.Dir(root), name)
		}
		return readBelow(root, name)
	},
	"expand": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		for _, home := range []string{"~/", "$HOME/"} {
			if rest, ok := strings.CutPrefix(name, home); ok {
				return readBelow(filepath.Dir(root), rest)
			}
		}
		return readBelow(root, name)
	},
	// Disks on which a name has several spellings.
	"fold-case": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		if dotdot(name) || denied(name) {
			return nil, errNaive
		}
		return readAlias(root, name, strings.EqualFold)
	},
	"short-names": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		if dotdot(name) || denied(name) {
			return nil, errNaive
		}
		return readAlias(root, name, func(entry, elem string) bool {
			return entry == elem || strings.EqualFold(shortName(entry), elem)
		})
	},
	"nfkc":           checkedThen(norm.NFKC.String),
	"drop-invisible": checkedThen(dropInvisible),
	"lenient-utf8":   checkedThen(decodeOverlong),
	"trim": checkedThen(eachElement(func(e string) string {
		if e = strings.TrimRight(e, " "); e == "." || e == ".." {
			return e
		}
		return strings.TrimRight(e, ". ")
	})),
	"streams": checkedThen(eachElement(func(e string) string {
		e, _, _ = strings.Cut(e, ":")
		return e
	})),
	// Strings that end earlier for the system than for the check.
	"c-string": func(root, raw string) ([]byte, error) {
		return readCString(root, decode(raw))
	},
	"c-string-double-decode": func(root, raw string) ([]byte, error) {
		return readCString(root, decode(decode(raw)))
	},
	"cut": checkedThen(func(name string) string {
		return eachElement(func(e string) string { return e[:min(len(e), 255)] })(name[:min(len(name), 1024)])
	}),
	"glob": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		if dotdot(name) || denied(name) {
			return nil, errNaive
		}
		found, err := fs.Glob(os.DirFS(root), name)
		if err != nil || len(found) == 0 {
			return nil, errNaive
		}
		return readBelow(root, found[0])
	},
	// user1 may read names that begin with "user1".
	"prefix-without-slash": func(root, raw string) ([]byte, error) {
		name := decode(raw)
		return unless(!strings.HasPrefix(name, "user1"), root, name)
	},
	// Lists everything.
	"list": func(root, raw string) ([]byte, error) {
		entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(decode(raw))))
		var names []byte
		for _, e := range entries {
			names = append(names, e.Name()+"\n"...)
		}
		return names, err
	},
}

// decode undoes percent-encoding once and leaves malformed escapes unchanged.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func readBelow(root, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
}

func unless(refused bool, root, name string) ([]byte, error) {
	if refused {
		return nil, errNaive
	}
	return readBelow(root, name)
}

// checkedThen decodes and checks a name, and only then applies change, which can turn
// it into another name.
func checkedThen(change func(name string) string) NaiveServer {
	return func(root, raw string) ([]byte, error) {
		name := decode(raw)
		return unless(dotdot(name) || denied(name), root, change(name))
	}
}

func dotdot(name string) bool { return slices.Contains(strings.Split(name, "/"), "..") }

func denied(name string) bool {
	return strings.HasPrefix(name, "public/drafts/") || strings.HasPrefix(name, "public/.git/") ||
		name == "config.yaml" || name == attacks.LongName
}

func eachElement(change func(elem string) string) func(name string) string {
	return func(name string) string {
		elems := strings.Split(name, "/")
		for i, e := range elems {
			elems[i] = change(e)
		}
		return strings.Join(elems, "/")
	}
}

// readAlias looks up an element among a directory's entries, like a disk on which an
// entry has more than one spelling.
func readAlias(root, name string, same func(entry, elem string) bool) ([]byte, error) {
	dir := root
	for elem := range strings.SplitSeq(name, "/") {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return same(e.Name(), elem) })
		if i < 0 {
			return nil, errNaive
		}
		dir = filepath.Join(dir, entries[i].Name())
	}
	return os.ReadFile(dir)
}

// shortName returns the 8.3 name of the first entry with this prefix.
func shortName(entry string) string {
	stem, ext := strings.TrimLeft(entry, "."), ""
	if i := strings.LastIndexByte(stem, '.'); i > 0 {
		stem, ext = stem[:i], stem[i:min(len(stem), i+4)]
	}
	return stem[:min(len(stem), 6)] + "~1" + ext
}

// dropInvisible drops characters without a glyph, as HFS+ does when it compares names,
// and bytes that are not valid UTF-8, as lenient decoders do.
func dropInvisible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !(r == utf8.RuneError && n == 1) && unicode.IsGraphic(r) && !unicode.Is(unicode.Variation_Selector, r) {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// decodeOverlong decodes UTF-8 without requiring the shortest form.
func decodeOverlong(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		more := 0
		switch c := s[i]; {
		case c&0xe0 == 0xc0:
			more = 1
		case c&0xf0 == 0xe0:
			more = 2
		case c&0xf8 == 0xf0:
			more = 3
		}
		if more == 0 || i+more >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		r := rune(s[i]) & (0x3f >> more)
		for _, c := range []byte(s[i+1 : i+1+more]) {
			r = r<<6 | rune(c&0x3f)
		}
		b.WriteRune(r)
		i += more
	}
	return b.String()
}

// readCString checks the whole name and opens the part before the NUL.
func readCString(root, name string) ([]byte, error) {
	if path.Ext(name) != ".txt" {
		return nil, errNaive
	}
	name, _, _ = strings.Cut(name, "\x00")
	return readBelow(root, name)
}
