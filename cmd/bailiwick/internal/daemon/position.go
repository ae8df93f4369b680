package daemon

import (
	"errors"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// withPosition prefixes an error about the value of key with its position in the
// configuration file, or the variable it came from. The error itself names a flag.
func withPosition(cfg *config.Config, key string, err error) error {
	var exit *cli.ExitError
	at := &config.Error{Where: cfg.At(key)}
	if at.Where == "default" || at.Where == "SOURCE" || strings.HasPrefix(at.Where, "--") || !errors.As(err, &exit) {
		return err
	}
	line := exit.Line
	// The flag that stands for the key was not given.
	if flag, rest, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(flag, "--") {
		line = rest
	}
	if at.InFile() {
		line = key + ": " + line
	}
	return &cli.ExitError{Code: exit.Code, Line: at.Where + ": " + line}
}
