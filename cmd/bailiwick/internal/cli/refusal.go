package cli

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// RefusalError returns the error for a name that was refused or failed. If there is a rule,
// the error names the command that explains it; without rules, only the name and the source
// decide.
func (r *Rules) RefusalError(source, name string, err error) error {
	why := vfs.ReasonOf(err)
	switch {
	case why == "" || r.Ruled() || len(r.Deny) > 0:
		return RefusalError(source, name, err)
	case why == reason.PolicyDotfile, why == reason.PolicyNoAllow: // nothing else is left out
		return Failf("%s: it begins with a dot (%s); add --dotfiles to include it", Printable(name), reason.PolicyDotfile)
	}
	return Failf("%s: %s (%s)", Printable(orTop(name)), why.Detail(), why)
}

// orTop returns name, or "." for the top directory.
func orTop(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// RefusalError returns the error for a name that was refused or failed: the reason, and the
// command that explains it.
func RefusalError(source, name string, err error) error {
	return refusal(ShellWord(source)+" [the same rules]", name, err)
}

// ConfigRefusal is RefusalError for a name of a configuration file.
func ConfigRefusal(file, name string, err error) error {
	return refusal("--config "+ShellWord(file), name, err)
}

// refusal names the command that explains the verdict on a name, of which of is the part
// before the name.
func refusal(of, name string, err error) error {
	name = orTop(name)
	why := vfs.ReasonOf(err)
	if why == "" {
		return Failf("%s: %s", Printable(name), Failure(err))
	}
	return Failf("%s: %s (%s); see bailiwick explain --decoded %s %s", Printable(name), why.Detail(), why, of, ShellWord(name))
}

// Failure returns the innermost text of an error from an object that the rules allow.
func Failure(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}
