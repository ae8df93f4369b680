//go:build darwin || freebsd || linux

package cache

import (
	"os"

	"golang.org/x/sys/unix"
)

// space returns the bytes of the file system that are free for this user, and all bytes.
func space(dir *os.File, _ string) (free, total uint64, err error) {
	var st unix.Statfs_t
	for {
		if err = unix.Fstatfs(int(dir.Fd()), &st); err != unix.EINTR {
			break
		}
	}
	return uint64(max(0, int64(st.Bavail))) * uint64(st.Bsize), st.Blocks * uint64(st.Bsize), err
}
