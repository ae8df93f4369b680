package vfstest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// Canary is part of everything that must not be served, so that a leak is easy to find
// in a response, a listing or an error.
const Canary = attacks.Canary

// Fixture returns the tree for [Attacks]: files that are served, including all of
// LegalNames, canaries that are not, and symbolic links to these. Only Plant creates
// what is outside the root.
func Fixture() Tree {
	tree := Tree{Files: attacks.Files(), Links: attacks.Links()}
	for _, l := range LegalNames() {
		tree.Files[l.Name] = l.Data
	}
	return tree
}

// Plant creates a Fixture on disk: its root is a new directory in dir, with canaries
// beside it that no request may reach. It returns the root and those of LegalNames that
// this disk can store: on Linux, all.
func Plant(dir string) (root string, legal []LegalName, err error) {
	base, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", nil, fmt.Errorf("planting the fixture: %w", err)
	}
	root = filepath.Join(base, "root")
	tree := Fixture()
	for _, l := range LegalNames() {
		delete(tree.Files, l.Name)
		if runtime.GOOS != "linux" && !Portable(l.Name) {
			continue
		}
		switch err := plantFile(root, l.Name, l.Data); {
		case err == nil:
			legal = append(legal, l)
		case !errors.Is(err, fs.ErrExist): // it exists where the disk folds names
			return "", nil, err
		}
	}
	for name, data := range tree.Files {
		if err := plantFile(root, name, data); err != nil {
			return "", nil, err
		}
	}
	for _, name := range []string{"canary.txt", "root-secret/canary.txt"} {
		if err := plantFile(base, name, Canary); err != nil {
			return "", nil, err
		}
	}
	for name, target := range tree.Links {
		if filepath.IsAbs(target) {
			target = filepath.Join(base, target)
		}
		link := filepath.Join(root, filepath.FromSlash(name))
		if err := os.Symlink(filepath.FromSlash(target), link); err != nil {
			return "", nil, fmt.Errorf("planting the fixture: %w", err)
		}
	}
	return root, legal, nil
}

func plantFile(root, name, data string) error {
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("planting the fixture: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("planting the fixture: %w", err)
	}
	_, err = f.WriteString(data)
	return errors.Join(err, f.Close())
}
