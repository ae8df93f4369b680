package probe

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// A planting makes the files of a tree. It holds the directories open: the owner of Dir, who
// may be less trusted than this process, can put a link in the place of the tree, and nothing
// is made or changed where that leads.
type planting struct {
	*Tree
	dir *os.Root // Dir
	own *os.Root // the tree's own directory, or Dir
}

// plant plants what newTree decided on.
func (t *Tree) plant() (*Tree, error) {
	dir, err := os.OpenRoot(t.m.Dir)
	if err != nil {
		return nil, fmt.Errorf("probe: planting: %w", cause(err))
	}
	defer dir.Close()
	p := &planting{t, dir, dir}
	if t.m.Top != "" {
		if p.own, err = makeDirectory(dir, t.Name()); err != nil {
			return nil, fmt.Errorf("probe: planting: %w", cause(err))
		}
		defer p.own.Close()
	}
	t.listFiles()
	if t.own, err = p.own.Stat("."); err == nil {
		err = p.write()
	}
	if err == nil {
		err = p.plantOutside()
	}
	if err != nil {
		return nil, errors.Join(err, t.Remove())
	}
	p.plantLinks()
	p.plantFIFO()
	return t, nil
}

// makeDirectory makes a directory in dir and opens it. The server may be another user, so the
// mask of this process does not count.
func makeDirectory(dir *os.Root, name string) (*os.Root, error) {
	if err := dir.Mkdir(name, 0o755); err != nil {
		return nil, err
	}
	own, err := openDirectory(dir, name)
	if err != nil {
		_ = dir.Remove(name)
		return nil, err
	}
	// Another directory may have been moved to that name. Its mode is not ours to change.
	names, err := namesIn(own)
	if err == nil && len(names) > 0 {
		err = errReplaced
	}
	if err == nil {
		err = own.Chmod(".", 0o755)
	}
	if err != nil {
		own.Close()
		_ = dir.Remove(name) // if it is empty
		return nil, err
	}
	return own, nil
}

// errReplaced is the error for a directory in whose place there is something else.
var errReplaced = errors.New("something else is in the place of the planted directory")

// openDirectory opens a directory in dir, and not what a link leads to.
func openDirectory(dir *os.Root, name string) (*os.Root, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errReplaced
	}
	own, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := own.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = errReplaced
	}
	if err != nil {
		own.Close()
		return nil, err
	}
	return own, nil
}

// namesIn returns the names in an open directory.
func namesIn(dir *os.Root) ([]string, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// within returns a name relative to Dir relative to the tree's own directory.
func (t *Tree) within(name string) string { return strings.TrimPrefix(name, t.m.Top) }

func (p *planting) write() error {
	m := &p.m
	for i, f := range m.Files {
		name := p.within(f.Name)
		err := p.mkdir(path.Dir(name))
		if err == nil {
			err = writeFile(p.own, name, p.content(i))
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

// mkdir makes a directory, relative to the tree's own, and those above it.
func (p *planting) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	if err := p.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	switch err := p.own.Mkdir(dir, 0o755); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return p.own.Chmod(dir, 0o755)
}

// writeFile makes a file that does not exist yet.
func writeFile(dir *os.Root, name, data string) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, data)
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
func (p *planting) plantOutside() error {
	m := &p.m
	places := []canary{
		{filepath.Join(filepath.Dir(m.Dir), filepath.Base(m.Dir)+"-canary-"+m.Secret+".txt"), parent},
		{filepath.Join(os.TempDir(), "bailiwick-outside-"+m.Secret+".txt"), temp},
	}
	if m.Top != "" {
		name := "bailiwick-canary-" + m.Secret + ".txt"
		if serves(p.jail, name) {
			name = "." + name
		}
		places = append(places, canary{filepath.Join(m.Dir, name), beside})
	}
	for _, c := range places {
		var err error
		if c.Path, err = filepath.Abs(c.Path); err == nil {
			err = p.plantCanary(c, m.token(len(m.Files)+len(m.Outside))+"\n")
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

func (p *planting) plantCanary(c canary, content string) error {
	if c.Place == beside {
		return writeFile(p.dir, filepath.Base(c.Path), content)
	}
	dir, err := os.OpenRoot(filepath.Dir(c.Path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return writeFile(dir, filepath.Base(c.Path), content)
}

// plantLinks plants the links of the attack table, and the same ones under names that are
// served.
func (p *planting) plantLinks() {
	m := &p.m
	out := p.outsideFile()
	hidden := ""
	for _, f := range m.Files {
		if !f.Absent && !serves(p.jail, f.Name) && hidden == "" {
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
			target = p.relative(m.Top+name, out)
		}
		p.link(m.Top+name, target)
	}
	p.link(m.Shape.name("link-out-"+m.Secret), p.relative(m.Shape.name("link"), out))
	p.link(m.Shape.name("link-abs-"+m.Secret), out)
	if hidden != "" {
		p.link(m.Shape.name("link-hidden-"+m.Secret), p.relative(m.Shape.name("link"), hidden))
	}
	p.link(m.Shape.name("link-next-"+m.Secret), path.Base(m.Shape.name("link-out-"+m.Secret)))
	p.link(m.Shape.Prefix+"link-dir-"+m.Secret, filepath.Dir(out))
}

// relative returns the text of a link at name that leads to a path.
func (t *Tree) relative(name, target string) string {
	rel, err := filepath.Rel(filepath.Dir(filepath.Join(t.m.Dir, filepath.FromSlash(name))), target)
	if err != nil {
		return target
	}
	return rel
}

func (p *planting) link(name, target string) {
	err := p.mkdir(path.Dir(p.within(name)))
	if err == nil {
		err = p.own.Symlink(filepath.FromSlash(target), p.within(name))
	}
	if err != nil {
		p.m.Not = append(p.m.Not, fmt.Sprintf("the link %q: %s", name, cause(err)))
		return
	}
	p.m.Links = append(p.m.Links, name)
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

func (p *planting) plantFIFO() {
	name := p.m.Shape.name("pipe")
	if err := makeFIFO(p.own, filepath.Join(p.m.Dir, p.Name()), p.within(name)); err != nil {
		p.m.Not = append(p.m.Not, fmt.Sprintf("a FIFO: %s", cause(err)))
		return
	}
	p.m.FIFO = name
}
