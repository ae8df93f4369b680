package probe

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
