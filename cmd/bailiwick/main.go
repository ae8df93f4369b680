// Command bailiwick serves files by name from a directory, memory or a bucket, and only the
// names that were allowed.
//
// Results go to standard output, diagnostics to standard error. The exit code is 0 on
// success, 1 if the command failed or a name was refused, and 2 for a wrong usage or
// configuration, with one line that says what to do.
//
// This package has one file per command: flags, help, and the call of an internal package
// that does the work. See imports_test.go for how those depend on each other.
package main

import (
	"context"
	"os"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/vet"
)

func main() {
	if vet.IsUnit(os.Args[1:]) { // go vet -vettool=bailiwick
		vet.Unit()
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
