package disk

import (
	"io"
	"os"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

func (t *portable) openDir(dir vfs.Name) (dirReader, error) {
	for range maxRaces {
		root, err := t.walk("list", dir, dir, true)
		if err == nil {
			return rootDir{root}, nil
		}
		if err != errRaced {
			return nil, rootError("list", dir, err)
		}
	}
	return nil, raced("list", dir)
}

// rootDir reads a directory opened by os.Root.
type rootDir struct{ root *os.Root }

func (d rootDir) close() error { return d.root.Close() }

func (d rootDir) lstat(elem string) (stat, error) {
	fi, err := d.root.Lstat(elem)
	if err != nil {
		return stat{}, err
	}
	return fromInfo(fi), nil
}

func (d rootDir) each(yield func(elem []byte, kind vfs.Kind) error) error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			st := stat{mode: e.Type()}
			if err := yield([]byte(e.Name()), st.kind()); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
