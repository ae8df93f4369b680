package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Tree is what [Plant] planted: the knowledge that [Run] needs, and what [Tree.Remove]
// removes. The zero Tree has nothing to find. It is not safe for concurrent use.
type Tree struct {
	m     manifest
	jail  *vfs.Jail
	local bool // planted on this machine: FIFOs and files can be looked at

	own fs.FileInfo // of the tree's directory when it was planted, nil after Load
}

// A manifest is a Tree as it is saved.
type manifest struct {
	Version int   `json:"version"`
	Rules   Rules `json:"rules"`

	// Nonce is part of the tree's own directory and of each token, Secret of the names
	// that nobody can guess, and Twin of names of the same shape that do not exist.
	Nonce  string `json:"nonce"`
	Secret string `json:"secret"`
	Twin   string `json:"twin"`

	Dir   string `json:"dir"`   // the directory that the server serves, absolute
	Top   string `json:"top"`   // the tree's directory in Dir with a slash, or "" if it is Dir
	Shape shape  `json:"shape"` // of names that are served

	Files   []file   `json:"files"`
	Outside []canary `json:"outside"`
	Links   []string `json:"links"` // names of links, relative to Dir
	FIFO    string   `json:"fifo,omitempty"`
	Not     []string `json:"not_planted,omitempty"`
}

// A file below Dir. Its content has the token of its index.
type file struct {
	Name  string `json:"name"`            // relative to Dir
	Raw   string `json:"raw,omitempty"`   // as it is asked for, if that is not the usual way
	Legal bool   `json:"legal,omitempty"` // it has to be served

	Absent bool `json:"absent,omitempty"` // it could not be planted
}

// A canary is a file outside the tree. Its content has the token of its index, counted on
// from the files.
type canary struct {
	Path  string `json:"path"`  // absolute
	Place string `json:"place"` // one of the places
}

// The places of canaries outside the tree.
const (
	beside = "beside" // in Dir, under a name that the rules refuse
	parent = "parent" // in Dir's parent, under a name that begins with Dir's
	temp   = "temp"   // in the system's temporary directory
)

const manifestVersion = 1

// Save writes the tree's description as JSON, for [Load].
func (t *Tree) Save(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	return enc.Encode(t.m)
}

// ErrNotATree is returned by Load for what no Save wrote.
var ErrNotATree = errors.New("not the description of a planted tree")

var nonces = regexp.MustCompile(`^[0-9a-f]{8}$`)

// Load reads what [Tree.Save] wrote, perhaps on another machine. Errors match [ErrNotATree].
func Load(r io.Reader) (*Tree, error) {
	t := &Tree{}
	if err := json.NewDecoder(io.LimitReader(r, 4<<20)).Decode(&t.m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotATree, err)
	}
	if t.m.Version != manifestVersion {
		return nil, ErrNotATree
	}
	var err error
	if t.jail, err = t.m.Rules.compile(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotATree, err)
	}
	if !t.sound() {
		return nil, ErrNotATree
	}
	return t, nil
}

// sound reports whether the description can be that of a planted tree. It says what is
// removed and what is sent, and whoever could write to the file may have changed it.
func (t *Tree) sound() bool {
	m := &t.m
	for _, nonce := range []string{m.Nonce, m.Secret, m.Twin} {
		if !nonces.MatchString(nonce) {
			return false
		}
	}
	if m.Twin == m.Secret || m.Top != ownDirectory(m.Nonce)+"/" || !absolute(m.Dir) {
		return false
	}
	if found, ok := findShape(t.jail, m.Rules, m.Top); !ok || m.Shape != found {
		return false
	}
	below := func(name string) bool { return fs.ValidPath(name) && strings.HasPrefix(name, m.Top) }
	if m.FIFO != "" && (m.FIFO != m.Shape.name("pipe") || !below(m.FIFO)) {
		return false
	}
	if len(m.Files) == 0 || len(m.Files)+len(m.Outside) > 9999 || len(m.Outside) > 3 { // a token has 4 digits
		return false
	}
	return !slices.ContainsFunc(m.Files, func(f file) bool {
		return !below(f.Name) || strings.ContainsFunc(f.Raw, func(r rune) bool { return r < 0x21 || r > 0x7e })
	}) && !slices.ContainsFunc(m.Outside, func(c canary) bool {
		return !slices.Contains([]string{beside, parent, temp}, c.Place) || !absolute(c.Path) || !strings.HasSuffix(c.Path, "-"+m.Secret+".txt")
	}) && !slices.ContainsFunc(m.Links, func(name string) bool { return !below(name) })
}

var drive = regexp.MustCompile(`^[A-Za-z]:[\\/]`)

// absolute reports whether a path is absolute, on this system or on the one that wrote it.
func absolute(path string) bool {
	return strings.HasPrefix(path, "/") || strings.HasPrefix(path, `\\`) || drive.MatchString(path)
}

// NotPlanted says what the tree lacks, a line each.
func (t *Tree) NotPlanted() []string { return t.m.Not }

// Name returns the name of the tree's directory in the one that it was planted in, "" if
// it fills that directory.
func (t *Tree) Name() string { return strings.TrimSuffix(t.m.Top, "/") }

// ownDirectory is the name of a planted tree's directory.
func ownDirectory(nonce string) string { return "bailiwick-probe-" + nonce }

func (m *manifest) token(index int) string { return fmt.Sprintf("bwp-%s-%04d", m.Nonce, index) }

// tokens returns the indexes of the tokens in a text.
func (m *manifest) tokens(text string) []int {
	var found []int
	start := "bwp-" + m.Nonce + "-"
	for {
		_, rest, ok := strings.Cut(text, start)
		if !ok || len(rest) < 4 {
			return found
		}
		// A server can write anything here; Atoi would take a sign for part of a number.
		if digits := rest[:4]; !strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
			if i, err := strconv.Atoi(digits); err == nil && i < len(m.Files)+len(m.Outside) {
				found = append(found, i)
			}
		}
		text = rest
	}
}
