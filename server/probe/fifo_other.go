//go:build !unix

package probe

import "errors"

func makeFIFO(string) error { return errors.ErrUnsupported }

func releaseFIFO(string) bool { return false }

func removeFIFO(string) error { return nil }
