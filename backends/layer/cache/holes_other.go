//go:build !linux

package cache

import (
	"errors"
	"os"
)

// canPunch: a file gives up its blocks only as a whole.
const canPunch = false

func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }
