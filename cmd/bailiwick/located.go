package main

import (
	"errors"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// located puts before an error about the value of key where in a configuration file that
// stands. Of what came by a flag, or was left out, the error says enough itself.
func located(cfg *config.Config, key string, err error) error {
	var exit *exitError
	at := &config.Error{Where: cfg.At(key)}
	if at.Where == "default" || !at.InFile() || !errors.As(err, &exit) {
		return err
	}
	line := exit.line
	// The flag that stands for the key was not given.
	if flag, rest, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(flag, "--") {
		line = rest
	}
	return &exitError{exit.code, at.Where + ": " + key + ": " + line}
}
