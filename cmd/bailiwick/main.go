// Command bailiwick serves files by name out of a directory, memory or a
// bucket, and lets through only the names that were allowed.
//
// Standard output is data, standard error is talk. The exit code is 0 when the
// command did what it was asked, 1 when it failed or a name was refused, and 2
// when it was used or configured wrongly, with one line that says what to do.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
