package aferofs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A program that already has an afero.Fs puts a jail in front of it. With another
// backend, only the call of New differs.
func ExampleNew() {
	store := afero.NewMemMapFs()
	afero.WriteFile(store, "/site/index.html", []byte("<h1>Hello</h1>"), 0o644)
	afero.WriteFile(store, "/site/.htpasswd", []byte("secret"), 0o644)

	backend, err := aferofs.New(store, aferofs.Options{})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("site/**")})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"site/index.html", "site/.htpasswd"} {
		data, err := jail.ReadFile(name)
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// <h1>Hello</h1> <nil>
	//  read site/.htpasswd: get "site/.htpasswd": file does not exist
}

// Code that takes an afero.Fs sees only what the jail allows.
func ExampleFromJail() {
	store := afero.NewMemMapFs()
	afero.WriteFile(store, "/a.txt", []byte("for all"), 0o644)
	afero.WriteFile(store, "/a.key", []byte("for nobody"), 0o644)
	backend, err := aferofs.New(store, aferofs.Options{})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*.txt")})
	if err != nil {
		log.Fatal(err)
	}

	fsys := aferofs.FromJail(context.Background(), jail)
	afero.Walk(fsys, "/", func(path string, _ os.FileInfo, err error) error {
		fmt.Println(filepath.ToSlash(path), err)
		return nil
	})
	fmt.Println(fsys.Remove("/a.txt"))
	// Output:
	// / <nil>
	// /a.txt <nil>
	// remove /a.txt: operation not permitted
}
