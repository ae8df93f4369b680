package vfstest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A backend is complete when the suite returns no error.
func ExampleCheckBackend() {
	err := vfstest.CheckBackend(context.Background(), func(tree vfstest.Tree) (vfs.Backend, error) {
		return mem.FromMap(tree.Files)
	}, vfstest.Options{})
	fmt.Println(err)
	// Output:
	// <nil>
}

// No attack gets anything through a jail over the fixture.
func ExampleAttacks() {
	backend, err := mem.FromMap(vfstest.Fixture().Files)
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfstest.FixturePolicy())
	if err != nil {
		log.Fatal(err)
	}
	served := 0
	for _, attack := range vfstest.Attacks() {
		name, err := vfs.ParseEscapedPath(attack.Raw)
		if err != nil {
			continue
		}
		if obj, err := jail.Get(context.Background(), name, vfs.Request{}); err == nil {
			obj.Body.Close()
			served++
		}
	}
	fmt.Println(served)
	// Output:
	// 0
}

// Faults make the nth call, or every call of an operation, fail.
func ExampleNewFaults() {
	backend, err := mem.FromMap(map[string]string{"a.txt": "a"})
	if err != nil {
		log.Fatal(err)
	}
	faults := vfstest.NewFaults(backend, vfstest.FailCall(1, vfs.ErrUnavailable))
	jail, err := vfs.New(faults, vfs.Policy{Allow: vfs.Patterns("*.txt")})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		data, err := jail.ReadFile("a.txt")
		fmt.Printf("%q %t\n", data, errors.Is(err, vfs.ErrUnavailable))
	}
	fmt.Println("opened", faults.Count("open"), "times")
	// Output:
	// "" true
	// "a" false
	// opened 2 times
}
