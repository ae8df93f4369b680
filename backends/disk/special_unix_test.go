//go:build unix

package disk_test

import (
	"testing"

	"golang.org/x/sys/unix"
)

func plantSpecial(t *testing.T, path string) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}
