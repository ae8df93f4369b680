package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	reads  = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSReadDir)
	writes = reads | landlock.AccessFSSet(ll.AccessFSWriteFile|ll.AccessFSTruncate|
		ll.AccessFSRemoveDir|ll.AccessFSRemoveFile|ll.AccessFSMakeDir|ll.AccessFSMakeReg|ll.AccessFSRefer)
	readsFile = landlock.AccessFSSet(ll.AccessFSReadFile)
)

// Restrict takes from the process, for good, the right to open anything but p, and
// to run programs. What is open stays so. The line says what the kernel does of
// that; on is false where it does nothing.
func Restrict(p Paths) (on bool, line string, err error) {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return false, "landlock: this kernel has none", nil
	}
	var rules []landlock.Rule
	for _, path := range opened(p.Read) {
		access := reads
		if !isDir(path) {
			access = readsFile
		}
		rules = append(rules, landlock.PathAccess(access, path).IgnoreIfMissing())
	}
	for _, path := range opened(p.Write) {
		rules = append(rules, landlock.PathAccess(writes, path).IgnoreIfMissing())
	}
	// A kernel without the right to move between directories (before 5.19) would
	// refuse the renames by which objects become visible.
	if abi < 2 && len(p.Write) > 0 {
		return false, "landlock: off, this kernel's is too old for a source that is written to", nil
	}
	if err := landlock.V5.BestEffort().RestrictPaths(rules...); err != nil {
		return false, "", fmt.Errorf("landlock: %w", err)
	}
	return true, fmt.Sprintf("landlock: on (version %d), outside the configured directories and those of configured files, the kernel opens files only in the temporary directory, AWS's, and some of the system's; it restricts neither the network nor looks at names", abi), nil
}

// opened returns the paths that exist and that this user may open. The others need no
// rule, and must be no reason to fail: where a service keeps the variable HOME of
// whoever started it, that is somebody else's directory.
func opened(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)
	})
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
