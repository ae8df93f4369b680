package cli

import (
	"errors"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// ConfigError writes a line for each mistake in a configuration and returns the error that
// ends the command. Any other error it returns as a usage error in one line.
func (s Streams) ConfigError(err error) error {
	var all config.Errors
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		return err
	case !errors.As(err, &all):
		return Usagef("%s", OneLine(err))
	}
	for _, e := range all {
		if e.InFile() {
			s.Say("%s", e)
		} else {
			s.Say("bailiwick: %s", e)
		}
	}
	return &ExitError{Code: ExitUsage}
}
