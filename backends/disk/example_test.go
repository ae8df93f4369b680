package disk_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A directory is opened once. Writing has to be enabled explicitly.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "index.html"), []byte("<h1>Hello</h1>"), 0o644)

	backend, err := disk.New(dir, disk.Options{Writable: true})
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*.html", "notes/**")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("index.html")
	fmt.Printf("%s %v\n", data, err)

	name, err := vfs.ParseName("notes/today.txt")
	if err != nil {
		log.Fatal(err)
	}
	w, err := jail.Put(context.Background(), name, strings.NewReader("buy milk"), vfs.PutOptions{})
	fmt.Println(w.Info.Name, w.Info.Size, err)
	// Output:
	// <h1>Hello</h1> <nil>
	// notes/today.txt 8 <nil>
}
