package main

import (
	"errors"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// configError writes a line for each mistake in a configuration and returns the error that
// ends the command. Any other error it returns as a usage error in one line.
func (s streams) configError(err error) error {
	var all config.Errors
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return err
	case !errors.As(err, &all):
		return usagef("%s", oneLine(err))
	}
	for _, e := range all {
		if e.InFile() {
			s.say("%s", e)
		} else {
			s.say("bailiwick: %s", e)
		}
	}
	return &exitError{code: exitUsage}
}
