package vet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Finding is one place in a file. File is relative to the current directory if it lies
// below it.
type Finding struct {
	ID      ID     `json:"id"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Column, f.ID, f.Message)
}

// ErrNoGo says that the go command is missing.
var ErrNoGo = errors.New("the go command is not in PATH; install Go from https://go.dev/dl")

// ErrOldGo says that the go command is too old: before 1.26 it wrote findings elsewhere, and
// none would seem to be there.
var ErrOldGo = errors.New("the go command is older than " + leastGo + "; install a newer one from https://go.dev/dl")

const leastGo = "go1.26"

// ErrIncomplete says that not every package could be checked. The go command wrote why.
var ErrIncomplete = errors.New("some packages could not be checked")

// Check runs go vet over packages with tool, this program, as its tool. What the go command
// says about packages that do not build goes to stderr. With ErrIncomplete it returns the
// findings in the other packages.
func Check(ctx context.Context, tool string, packages []string, stderr io.Writer) ([]Finding, error) {
	if err := checkGo(ctx, stderr); err != nil {
		return nil, err
	}
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append([]string{"vet", "-json", "-vettool=" + tool, "--"}, packages...)...)
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	failed := cmd.Run()
	found, err := parse(&stdout)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the output of go vet: %w", err)
	case failed != nil:
		return found, ErrIncomplete
	}
	return found, nil
}

// checkGo returns an error unless the go command, as it is in the current directory, is new
// enough.
func checkGo(ctx context.Context, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Stderr = stderr
	output, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return ErrNoGo
	case err != nil:
		return fmt.Errorf("go env GOVERSION: %w", err)
	}
	// It may be "devel go1.27-0123456 Mon Jan 1", and experiments come after a space.
	for _, word := range strings.Fields(string(output)) {
		if version.IsValid(word) && version.Compare(word, leastGo) >= 0 {
			return nil
		}
	}
	return ErrOldGo
}

// parse reads what go vet -json prints: for each package, the findings of each analyzer, or
// its error.
func parse(output io.Reader) ([]Finding, error) {
	type diagnostic struct {
		Category string
		Posn     string
		Message  string
	}
	dir, _ := os.Getwd()
	var all []Finding
	for dec := json.NewDecoder(output); ; {
		var packages map[string]map[string]json.RawMessage
		if err := dec.Decode(&packages); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for pkg, analyzers := range packages {
			for _, text := range analyzers {
				var diagnostics []diagnostic
				if err := json.Unmarshal(text, &diagnostics); err != nil {
					return nil, fmt.Errorf("%s: %s", pkg, text)
				}
				for _, d := range diagnostics {
					f := Finding{ID: ID(d.Category), Message: strings.TrimPrefix(d.Message, d.Category+": ")}
					f.File, f.Line, f.Column = splitPosition(d.Posn, dir)
					all = append(all, f)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.ID, b.ID))
	})
	// A package is checked once more with its tests.
	return slices.Compact(all), nil
}

// splitPosition splits FILE:LINE:COLUMN.
func splitPosition(posn, dir string) (file string, line, column int) {
	number := func() int {
		i := strings.LastIndexByte(posn, ':')
		if i < 0 {
			return 0
		}
		n, _ := strconv.Atoi(posn[i+1:])
		posn = posn[:i]
		return n
	}
	column = number()
	line = number()
	if rel, err := filepath.Rel(dir, posn); err == nil && filepath.IsLocal(rel) {
		posn = rel
	}
	return posn, line, column
}
