package probe

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// ErrNoRoom is returned by Plant if the rules let no name below the tree's directory
// through, so nothing could be asked for.
var ErrNoRoom = errors.New("the rules let no name in the tree's directory through")

// Plant makes a tree for a server that serves dir, which exists: a new directory in dir, and
// canaries beside it, in dir's parent and in the system's temporary directory. What cannot be
// planted is left out, and [Tree.NotPlanted] says so; only the new directory and a file that
// has to be served must be possible. The caller calls [Tree.Remove]. After an error nothing
// is left.
func Plant(dir string, r Rules) (*Tree, error) {
	nonce := newNonce()
	t, err := newTree(dir, r, nonce, ownDirectory(nonce)+"/")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(t.m.Dir, t.Name()), 0o755); err != nil {
		return nil, fmt.Errorf("probe: planting: %w", cause(err))
	}
	return t.plant()
}

// PlantWhole makes a tree that fills dir, an empty directory, so that rules for certain
// directories have something to match. [Tree.Remove] leaves it there.
func PlantWhole(dir string, r Rules) (*Tree, error) {
	t, err := newTree(dir, r, newNonce(), "")
	if err != nil {
		return nil, err
	}
	return t.plant()
}

// newNonce returns 8 digits.
func newNonce() string {
	b := make([]byte, 4)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func newTree(dir string, r Rules, nonce, top string) (*Tree, error) {
	jail, err := r.compile()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err == nil {
		// Relative links lead out of the real directory.
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("probe: planting: %w", cause(err))
	}
	t := &Tree{jail: jail, local: true, m: manifest{
		Version: manifestVersion, Rules: r, Nonce: nonce, Secret: newNonce(), Twin: newNonce(), Dir: dir, Top: top,
	}}
	var ok bool
	if t.m.Shape, ok = findShape(jail, r, top); !ok {
		return nil, ErrNoRoom
	}
	return t, nil
}

func (t *Tree) plant() (*Tree, error) {
	t.listFiles()
	err := t.write()
	if err == nil {
		err = t.plantOutside()
	}
	if err != nil {
		return nil, errors.Join(err, t.Remove())
	}
	t.plantLinks()
	t.plantFIFO()
	return t, nil
}

// listFiles decides on the names below Dir.
func (t *Tree) listFiles() {
	m := &t.m
	seen := map[string]bool{}
	add := func(f file) {
		if !seen[f.Name] {
			seen[f.Name] = true
			m.Files = append(m.Files, f)
		}
	}
	legal := func(name, raw string) {
		if serves(t.jail, name) && (runtime.GOOS == "linux" || attacks.Portable(strings.TrimPrefix(name, m.Top))) {
			add(file{Name: name, Raw: raw, Legal: true})
		}
	}
	legal(m.Shape.name(markerName), "")
	legal(m.Shape.name(visibleDir+"/ok"), "")
	for _, name := range []string{bigName, methodName, onceName, decodedName} {
		legal(m.Shape.name(name), "")
	}
	for _, name := range dispositionNames {
		legal(m.Shape.name(name), "")
	}
	for _, ext := range activeExtensions {
		legal(m.Shape.Prefix+activeName+ext, "")
		legal(m.Shape.name(activeName+ext), "")
	}
	for _, l := range attacks.Legal() {
		legal(m.Shape.name(l.Name), escape(m.Shape.Prefix)+l.Raw+escape(m.Shape.Suffix))
	}
	for _, name := range t.secrets() {
		add(file{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(attacks.Files())) {
		add(file{Name: m.Top + name})
	}
}

// The names of files that are asked for on their own; the shape is around them.
const (
	markerName  = "ok"
	visibleDir  = "dir"
	bigName     = "big"
	methodName  = "method"
	onceName    = "once-%41"
	decodedName = "once-A"
	activeName  = "active"
)

var (
	activeExtensions = []string{"", ".html", ".svg", ".txt", ".jpg"}

	// A name in a header field that is not quoted ends there, and begins another
	// parameter.
	dispositionNames = []string{`cd";filename="evil.exe`, `cd";filename*=UTF-8''evil.exe;x="y`}
)

// secrets returns names of files that are not to be served and that nobody can guess. Those
// that the rules let through after all are left out.
func (t *Tree) secrets() []string {
	m := &t.m
	var names []string
	dirs := []string{m.Top, m.Shape.Prefix, m.Shape.Prefix + visibleDir + "/"}
	for _, deny := range m.Rules.Deny {
		// In a directory of that name, or under it.
		dirs = append(dirs, m.Top+path.Dir(instance(deny)+"/x")+"/")
		names = append(names, m.Top+instance(deny))
	}
	for i, dir := range dirs {
		// No name is in two directories, so that a listing that shows it can be judged.
		number := strconv.Itoa(i)
		for _, name := range []string{"secret-N-K.key", "private-N-K/secret-N-K.key", ".dotfile-N-K", ".dotdir-N-K/dotfile-N-K"} {
			names = append(names, dir+strings.NewReplacer("N", number, "K", m.Secret).Replace(name))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !fs.ValidPath(name) || serves(t.jail, name)
	})
	// A file where another name needs a directory is left out.
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

func (t *Tree) write() error {
	m := &t.m
	for i, f := range m.Files {
		err := t.mkdir(path.Dir(f.Name))
		if err == nil {
			err = writeFile(filepath.Join(m.Dir, filepath.FromSlash(f.Name)), t.content(i))
		}
		switch {
		case err == nil:
		case i == 0:
			return fmt.Errorf("probe: planting: %w", cause(err))
		default:
			// Disks refuse some names, and fold others into one.
			m.Files[i].Legal, m.Files[i].Absent = false, true
			m.Not = append(m.Not, fmt.Sprintf("the file %q: %s", f.Name, cause(err)))
		}
	}
	return nil
}

// content returns what a file has in it.
func (t *Tree) content(i int) string {
	token := t.m.token(i)
	switch name := t.m.Files[i].Name; {
	case name == t.m.Shape.name(bigName):
		return token + "\n" + strings.Repeat("0123456789abcde\n", bigSize/16)
	case !strings.HasPrefix(name, t.m.Shape.Prefix+activeName):
		return token + "\n"
	case strings.HasSuffix(name, ".svg"):
		return `<svg xmlns="http://www.w3.org/2000/svg"><script>/*` + token + `*/</script></svg>` + "\n"
	}
	return "<!DOCTYPE html><html><script>/*" + token + "*/</script></html>\n"
}

const bigSize = 256 << 10

// mkdir makes a directory, relative to Dir, and those above it. The server may be another
// user, so the mask of this process does not count.
func (t *Tree) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	if err := t.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	at := filepath.Join(t.m.Dir, filepath.FromSlash(dir))
	switch err := os.Mkdir(at, 0o755); {
	case err != nil && !errors.Is(err, fs.ErrExist):
		return err
	case err != nil && dir != t.Name():
		return nil
	}
	return os.Chmod(at, 0o755)
}

func writeFile(path, data string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(data)
	return errors.Join(err, f.Chmod(0o644), f.Close())
}

// cause returns an error without the path, which the text around it has.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// plantOutside plants the canaries. At least one place must have room for one.
func (t *Tree) plantOutside() error {
	m := &t.m
	places := []canary{
		{filepath.Join(filepath.Dir(m.Dir), filepath.Base(m.Dir)+"-canary-"+m.Secret+".txt"), parent},
		{filepath.Join(os.TempDir(), "bailiwick-outside-"+m.Secret+".txt"), temp},
	}
	if m.Top != "" {
		name := "bailiwick-canary-" + m.Secret + ".txt"
		if serves(t.jail, name) {
			name = "." + name
		}
		places = append(places, canary{filepath.Join(m.Dir, name), beside})
	}
	for _, c := range places {
		var err error
		if c.Path, err = filepath.Abs(c.Path); err == nil {
			err = writeFile(c.Path, m.token(len(m.Files)+len(m.Outside))+"\n")
		}
		if err != nil {
			where := map[string]string{parent: "in the parent directory", temp: "in the temporary directory", beside: "beside the tree"}
			m.Not = append(m.Not, fmt.Sprintf("a canary %s: %s", where[c.Place], cause(err)))
			continue
		}
		m.Outside = append(m.Outside, c)
	}
	return nil
}

// plantLinks plants the links of the attack table, and the same ones under names that are
// served.
func (t *Tree) plantLinks() {
	m := &t.m
	out := t.outsideFile()
	hidden := ""
	for _, f := range m.Files {
		if !f.Absent && !serves(t.jail, f.Name) && hidden == "" {
			hidden = filepath.Join(m.Dir, filepath.FromSlash(f.Name))
		}
	}
	if out == "" {
		m.Not = append(m.Not, "links: there is no canary for them")
		return
	}
	links := attacks.Links()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		target := links[name]
		switch {
		case target == "../..":
			target = filepath.Dir(out)
		case strings.HasPrefix(target, "/"):
			target = out
		case strings.HasSuffix(target, "/canary.txt"):
			target = t.relative(m.Top+name, out)
		}
		t.link(m.Top+name, target)
	}
	t.link(m.Shape.name("link-out-"+m.Secret), t.relative(m.Shape.name("link"), out))
	t.link(m.Shape.name("link-abs-"+m.Secret), out)
	if hidden != "" {
		t.link(m.Shape.name("link-hidden-"+m.Secret), t.relative(m.Shape.name("link"), hidden))
	}
	t.link(m.Shape.name("link-next-"+m.Secret), path.Base(m.Shape.name("link-out-"+m.Secret)))
	t.link(m.Shape.Prefix+"link-dir-"+m.Secret, filepath.Dir(out))
}

// relative returns the text of a link at name that leads to a path.
func (t *Tree) relative(name, target string) string {
	rel, err := filepath.Rel(filepath.Dir(filepath.Join(t.m.Dir, filepath.FromSlash(name))), target)
	if err != nil {
		return target
	}
	return rel
}

func (t *Tree) link(name, target string) {
	at := filepath.Join(t.m.Dir, filepath.FromSlash(name))
	err := t.mkdir(path.Dir(name))
	if err == nil {
		err = os.Symlink(filepath.FromSlash(target), at)
	}
	if err != nil {
		t.m.Not = append(t.m.Not, fmt.Sprintf("the link %q: %s", name, cause(err)))
		return
	}
	t.m.Links = append(t.m.Links, name)
}

// outsideFile returns the path of the canary that links lead to, "" if there is none.
func (t *Tree) outsideFile() string {
	for _, place := range []string{parent, temp} {
		for _, c := range t.m.Outside {
			if c.Place == place {
				return c.Path
			}
		}
	}
	return ""
}

func (t *Tree) plantFIFO() {
	name := t.m.Shape.name("pipe")
	if err := makeFIFO(filepath.Join(t.m.Dir, filepath.FromSlash(name))); err != nil {
		t.m.Not = append(t.m.Not, fmt.Sprintf("a FIFO: %s", cause(err)))
		return
	}
	t.m.FIFO = name
}
