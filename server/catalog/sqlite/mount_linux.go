package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// checkMount refuses a file that is mounted by itself, as containers are given single
// files. Its log would lie in the directory around the mount, which may go with the
// container, and which no other container sees.
func checkMount(path string) error {
	var st unix.Statx_t
	// A kernel that does not know the call or the attribute cannot tell.
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &st); err != nil {
		return nil
	}
	if st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return errors.New("it is mounted by itself, and the log that SQLite keeps beside it would not be: mount its directory")
	}
	return nil
}
