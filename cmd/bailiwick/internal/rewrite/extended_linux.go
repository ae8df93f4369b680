package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// kept are the extended attributes that decide who may read a file: its access control
// list, and the labels of SELinux and Smack.
var kept = []string{"system.posix_acl_access", "security.selinux", "security.SMACK64"}

// keepExtended gives f the extended attributes of old. f may have others already, from its
// directory.
func keepExtended(f, old *os.File) error {
	for _, name := range kept {
		want, err := attribute(old, name)
		if err != nil {
			return err
		}
		have, err := attribute(f, name)
		if err != nil {
			return err
		}
		switch {
		case bytes.Equal(have, want):
			continue
		case want == nil:
			err = unix.Fremovexattr(int(f.Fd()), name)
		default:
			err = unix.Fsetxattr(int(f.Fd()), name, want, 0)
		}
		if err != nil {
			return fmt.Errorf("its attribute %s would be lost: run the command as root (%w)", name, err)
		}
	}
	return nil
}

// attribute returns an extended attribute, or nil if there is none.
func attribute(f *os.File, name string) ([]byte, error) {
	value := make([]byte, 64<<10) // the kernel's limit
	n, err := unix.Fgetxattr(int(f.Fd()), name, value)
	switch {
	case err == nil:
		return value[:n], nil
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return nil, nil
	}
	return nil, fmt.Errorf("its attribute %s: %w", name, err)
}
