//go:build !unix

package probe

import (
	"errors"
	"os"
)

func makeFIFO(*os.Root, string, string) error { return errors.ErrUnsupported }

func releaseFIFO(*os.Root, string) bool { return false }

func removeFIFO(*os.Root, string) error { return nil }
