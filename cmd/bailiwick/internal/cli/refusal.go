package cli

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// RefusalError returns the error for a name that was refused or failed: the reason, and the
// command that explains it.
func RefusalError(source, name string, err error) error {
	if name == "" {
		name = "."
	}
	reason := vfs.ReasonOf(err)
	if reason == "" {
		return Failf("%s: %s", Printable(name), Failure(err))
	}
	return Failf("%s: %s (%s); see %s", Printable(name), reason.Detail(), reason, explainHint(source, name))
}

// Failure returns the innermost text of an error from an object that the rules allow.
func Failure(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// explainHint returns the command that explains the verdict on a name.
func explainHint(source, name string) string {
	return "bailiwick explain --decoded " + ShellWord(source) + " [the same rules] " + ShellWord(name)
}
