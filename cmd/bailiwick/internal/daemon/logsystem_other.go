//go:build !unix

package daemon

import (
	"errors"
	"io"
)

var errNoSystemLog = errors.New("this system has none; name a file")

func openSyslog() (io.WriteCloser, error) { return nil, errNoSystemLog }

func openJournal() (io.WriteCloser, error) { return nil, errNoSystemLog }
