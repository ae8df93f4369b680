package explain

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
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

// SaveExposed replaces the file atomically: a concurrent reader gets the old list or the new
// one, and a failure leaves only the old one.
func SaveExposed(file string, names []string) error {
	// Replace the target of a link, and keep the link. Renaming over /dev/stdout would
	// replace the device node.
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		target = file
	}
	if st, err := os.Stat(target); err == nil && !st.Mode().IsRegular() {
		return cli.Usagef("--save needs a regular file, and %s is not one; choose another name", cli.Printable(file))
	}
	temp := filepath.Join(filepath.Dir(target), ".bailiwick-"+uuid.NewString())
	if err := writeLines(temp, names); err != nil {
		_ = os.Remove(temp)
		return cli.Failf("cannot write %s: %s", cli.Printable(file), cli.Cause(err))
	}
	if err := os.Rename(temp, target); err != nil {
		_ = os.Remove(temp)
		return cli.Failf("cannot write %s: %s", cli.Printable(file), cli.Cause(err))
	}
	return nil
}

func writeLines(file string, lines []string) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for _, line := range lines {
		if _, err := w.WriteString(line + "\n"); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}
