package sandbox

import (
	"fmt"
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
	readsFile  = landlock.AccessFSSet(ll.AccessFSReadFile)
	writesFile = readsFile | landlock.AccessFSSet(ll.AccessFSWriteFile|ll.AccessFSTruncate)
	empties    = landlock.AccessFSSet(ll.AccessFSRemoveDir)
)

// Restrict permanently takes away the process's right to open anything outside p, and to
// run programs. Files that are already open stay open. line describes what the kernel
// enforces; on is false if that is nothing.
func Restrict(p Paths) (on bool, line string, err error) {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return false, "landlock: not supported by this kernel", nil
	}
	var rules []landlock.Rule
	p = p.Usable()
	for _, path := range p.Read {
		access := reads
		if !isDir(path) {
			access = readsFile
		}
		rules = append(rules, landlock.PathAccess(access, path).IgnoreIfMissing())
	}
	for _, path := range p.Write {
		access := writes
		if !isDir(path) {
			access = writesFile
		}
		rules = append(rules, landlock.PathAccess(access, path).IgnoreIfMissing())
	}
	for _, path := range p.Empty {
		rules = append(rules, landlock.PathAccess(empties, path).IgnoreIfMissing())
	}
	// A kernel before 5.19 cannot grant the right to move files between directories. It
	// would refuse the renames that make objects visible.
	if abi < 2 && len(p.Write) > 0 {
		return false, "landlock: off, this kernel's version is too old for writable sources", nil
	}
	if err := landlock.V5.BestEffort().RestrictPaths(rules...); err != nil {
		return false, "", fmt.Errorf("landlock: %w", err)
	}
	return true, fmt.Sprintf("landlock: on (version %d), the kernel opens only the files below and what is in these directories; it restricts neither the network nor looking up file names", abi), nil
}

// opened returns the paths that exist and that this user may open. The others need no
// rule and must not cause an error: in some services, HOME is still that of the user who
// started the service, or /dev/null.
func opened(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err != nil
	})
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
