package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// checkMount refuses a file that is itself a mount point, like a single file that is
// mounted into a container. Its log would be in the surrounding directory, which may
// disappear with the container and which other containers do not see.
func checkMount(path string) error {
	var st unix.Statx_t
	// An old kernel does not support the call or the attribute.
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &st); err != nil {
		return nil
	}
	if st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return errors.New("it is mounted as a single file, but SQLite keeps a log beside it: mount its directory instead")
	}
	return nil
}
