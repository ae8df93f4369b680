//go:build unix

package layer_test

import (
	"syscall"
	"testing"
)

const plantsLinks = true

func plantSpecial(t *testing.T, path string) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}
