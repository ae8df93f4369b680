package main

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// refusal returns the error for a name that cannot be had: why, and where to
// learn more.
func refusal(source, name string, err error) error {
	if name == "" {
		name = "."
	}
	reason := vfs.ReasonOf(err)
	if reason == "" {
		return failf("%s: %s", printable(name), failure(err))
	}
	return failf("%s: %s (%s); see %s", printable(name), reason.Detail(), reason, explainHint(source, name))
}

// failure returns what went wrong with an object that is let through.
func failure(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// explainHint tells which command says more about a name.
func explainHint(source, name string) string {
	return "bailiwick explain --decoded " + shellWord(source) + " [the same rules] " + shellWord(name)
}
