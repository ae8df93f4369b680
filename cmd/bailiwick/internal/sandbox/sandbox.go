// Package sandbox puts a second jail around the process: the kernel refuses to open
// files outside the configured directories, even if a bug in the first jail or in a
// library tries to. It uses Landlock on Linux; other systems have no sandbox.
package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// Paths are the files and directories, including everything below them, that the process
// may open. Those that do not exist are skipped.
type Paths struct {
	Read  []string // files and directories: read, list
	Write []string // files and directories: read, list, write, create, remove
	Empty []string // directories: remove empty directories in them, and nothing else
}

// Allows reports whether path is in p. For a path that does not exist, its directory
// counts. This process can use a new configuration only if all its paths are allowed.
// Symbolic links are followed, as by the kernel.
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

// Usable returns the paths in p that exist and that this user may open, sorted. The others
// are closed to the process anyway.
func (p Paths) Usable() Paths {
	each := func(paths []string) []string {
		paths = opened(paths)
		slices.Sort(paths)
		return slices.Compact(paths)
	}
	return Paths{Read: each(p.Read), Write: each(p.Write), Empty: each(p.Empty)}
}

// System returns the system files that any network service reads: host names,
// certificates, time zones, and what the runtime and metrics read about the process
// itself. What this user may read of them contains no secrets, except the process's own
// environment.
func System() []string {
	files := []string{
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
		"/etc/services", "/etc/protocols", "/etc/localtime", "/etc/mime.types",
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/ca-certificates.conf",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
		"/run/systemd/resolve", "/dev/null", "/dev/urandom",
		"/proc/self", "/proc/stat", "/proc/sys/net/core/somaxconn", "/sys/fs/cgroup",
	}
	if dir := replacedIn("/etc/resolv.conf", "/run"); dir != "" {
		files = append(files, dir)
	}
	return files
}

// replacedIn returns the directory of the file that link leads to, "" if link is no symbolic
// link or that directory is not below run. A rule of Landlock is for a file and not for its
// name: a program such as NetworkManager replaces its file by a rename, and the new one can
// only be opened because of its directory. Below run each program has a directory of its own;
// elsewhere the directory may have anything in it.
func replacedIn(link, run string) string {
	file, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(link), file)
	}
	// The file itself may come later than this process, or be another link.
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return ""
	}
	run, err = filepath.EvalSymlinks(run)
	if err != nil || !strings.HasPrefix(dir, run+string(filepath.Separator)) {
		return ""
	}
	return dir
}
