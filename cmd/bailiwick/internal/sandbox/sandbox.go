// Package sandbox puts a second jail around the process: from then on the kernel
// itself opens no file for it outside the directories that it was started for,
// whatever a mistake in the first jail, or in a library, asks. On Linux that is
// Landlock; elsewhere there is none.
package sandbox

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// Paths are what the process may open, with all that is below them. Those that do
// not exist are left out.
type Paths struct {
	Read  []string // files and directories, to read and list
	Write []string // directories, to read, list, write, create and remove in
}

// Allows reports whether path, or for one that does not exist the directory that it
// would be in, lies in p: what a new configuration wants is open to this process
// only then. Symbolic links are followed, as the kernel does.
func (p Paths) Allows(path string, write bool) bool {
	allowed := p.Write
	if !write {
		allowed = slices.Concat(p.Read, p.Write)
	}
	real := overlap.Resolve(path)
	for _, dir := range allowed {
		rel, err := filepath.Rel(overlap.Resolve(dir), real)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// System are the files that any service reads which speaks to others: names of
// hosts, certificates, time zones, and what the runtime and metrics read of the
// process itself. They hold no secrets but the process's own environment.
func System() []string {
	return []string{
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
		"/etc/services", "/etc/protocols", "/etc/localtime", "/etc/mime.types",
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/ca-certificates.conf",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
		"/run/systemd/resolve", "/dev/null", "/dev/urandom",
		"/proc/self", "/proc/stat", "/proc/sys/net/core/somaxconn", "/sys/fs/cgroup",
	}
}
