package explain

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/rewrite"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A file of exposed names has one name on each line, in byte order. It is what
// --allow-file reads.

// ReadExposed returns the names in a file of exposed names, sorted and without duplicates.
// People may have edited it.
func ReadExposed(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, cli.Usagef("there is no file %s to check against; run scan with --save %s instead of --check to write it", cli.Printable(file), cli.ShellWord(file))
	case err != nil:
		return nil, cli.Usagef("cannot read %s: %s", cli.Printable(file), cli.Cause(err))
	}
	var names []string
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"); line == "" {
			continue
		}
		if _, err := vfs.ParseName(line); err != nil {
			return nil, cli.Usagef("%s: %s; the file has one exact name on each line",
				cli.Printable(file+":"+strconv.Itoa(number)), vfs.ReasonOf(err).Detail())
		}
		names = append(names, line)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// SaveExposed replaces the content of the file, as [rewrite.File] does: whoever could read the
// old list can read the new one, and a failure leaves the old one.
func SaveExposed(ctx context.Context, file string, names []string) error {
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() {
		return cli.Usagef("--save needs a regular file, and %s is not one; choose another name", cli.Printable(file))
	}
	var text strings.Builder
	for _, name := range names {
		text.WriteString(name + "\n")
	}
	err := rewrite.File(ctx, file, rewrite.Options{
		Create: true,
		Mode:   0o666,                             // a server with another user reads it
		Check:  func(string) error { return nil }, // the old content does not matter
	}, func([]byte) ([]byte, error) { return []byte(text.String()), nil })
	if failed, ok := errors.AsType[*rewrite.Error](err); ok {
		return cli.Failf("cannot write %s: %s", cli.Printable(file), cli.Cause(failed.Err))
	}
	return err
}
