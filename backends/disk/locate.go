package disk

import (
	"errors"
	"io/fs"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A location is the position of a name, as far as its directories exist.
type location struct {
	dir     folder   // the name's directory, or the deepest existing one above; to be closed
	at      vfs.Name // the name of dir
	is      stat     // the identity of dir
	missing []string // the missing directories below dir, from the top down
	elem    string
	current *stat // of the existing entry; nil if there is none
}

// locate finds the location of n below top. It refuses what Open refuses, except
// missing names: links anywhere on the path, directories, special files. If a directory
// on the path is a file, the reason is reason.Missing, as for Open.
func (b *Backend) locate(op string, top folder, n vfs.Name) (p *location, err error) {
	for range maxRaces {
		if p, err = b.tryLocate(op, top, n); err != errRaced {
			break
		}
	}
	return p, err
}

func (b *Backend) tryLocate(op string, top folder, n vfs.Name) (*location, error) {
	p := &location{at: n.Dir(), elem: n.Base()}
	var err error
	if p.dir, p.missing, err = walkDown(op, top, n, n.Dir()); err != nil {
		return nil, err
	}
	for range p.missing {
		p.at = p.at.Dir()
	}
	if p.is, err = p.dir.lstat("."); err == nil {
		err = b.inspect(op, n, p)
	}
	if err != nil {
		p.dir.close()
		return nil, err
	}
	return p, nil
}

// confirm checks, under the write lock, a location that was found before it, in time
// independent of the length of the name. It fails with errRaced if the location has
// changed.
func (b *Backend) confirm(op string, top folder, n vfs.Name, p *location) error {
	if !p.at.IsRoot() {
		is, err := top.leads(p.at.String())
		if err != nil {
			return sinceSeen(err)
		}
		if is.ino != p.is.ino || is.dev != p.is.dev {
			return errRaced
		}
	}
	return b.inspect(op, n, p)
}

// inspect reads what is at the location.
func (b *Backend) inspect(op string, n vfs.Name, p *location) error {
	elem := p.elem
	if p.missing != nil {
		elem = p.missing[0]
	}
	st, err := p.dir.lstat(elem)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.current = nil
		return checkNew(op, n, p.dir, elem)
	case err != nil:
		return err
	case p.missing != nil:
		return errRaced
	}
	if why := b.reason(&st, func() (stat, error) { return p.dir.lstat(elem) }); why != "" {
		return driver.Refuse(op, n, why)
	}
	p.current = &st
	return nil
}

// walkDown opens the directory to of the name n, or the deepest existing one above it;
// missing are the elements that do not exist. Each step opens one element, not a link,
// in the directory that the previous step opened, so at no moment can another process
// divert it to the outside.
func walkDown(op string, top folder, n, to vfs.Name) (dir folder, missing []string, err error) {
	if dir, err = top.open("."); err != nil {
		return nil, nil, err
	}
	for elem := range to.Elements() {
		if missing != nil {
			missing = append(missing, elem)
			continue
		}
		next, err := dir.open(elem)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, elem)
			continue
		}
		if err != nil {
			err = noDirectory(op, n, dir, elem, err)
			dir.close()
			return nil, nil, err
		}
		dir.close()
		dir = next
		if err := checkDir(op, n, dir); err != nil {
			dir.close()
			return nil, nil, err
		}
	}
	return dir, missing, nil
}

// noDirectory converts the error from opening elem as a directory.
func noDirectory(op string, n vfs.Name, dir folder, elem string, err error) error {
	st, looked := dir.lstat(elem)
	switch {
	case looked != nil, st.mode.IsDir():
		return sinceSeen(err)
	case reason.ForMode(st.mode) == reason.Symlink:
		return driver.Refuse(op, n, reason.Symlink)
	}
	return driver.Refuse(op, n, reason.Missing)
}
