//go:build !unix

package daemon

import (
	"errors"
	"io"
)

var errNoSystemLog = errors.New("not supported on this system; write the name of a file")

func openSyslog() (io.WriteCloser, error) { return nil, errNoSystemLog }

func openJournal() (io.WriteCloser, error) { return nil, errNoSystemLog }
