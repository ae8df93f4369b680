package vet

import (
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"
)

// IsUnit reports whether the arguments are those by which go vet calls its tool: for its
// version, for its flags, or for a package that a .cfg file describes.
func IsUnit(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := args[len(args)-1]
	if len(args) == 1 && (last == "-V=full" || last == "-flags") {
		return true
	}
	return strings.HasSuffix(last, ".cfg") && !slices.ContainsFunc(args[:len(args)-1], func(arg string) bool {
		return !strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "--")
	})
}

// Unit does what go vet asks for, and exits.
func Unit() { unitchecker.Main(Analyzer) }
