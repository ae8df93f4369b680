package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUsersKeepOwner: a file that root changes still belongs to its owner and group, and
// keeps its access control list, so the server can still read it.
func TestUsersKeepOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := tree(t, map[string]string{"users": users})
	file := filepath.Join(dir, "users")
	// Entries for the owner, user 1234, the group, the mask and others.
	list := []byte{
		2, 0, 0, 0,
		1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,
		2, 0, 4, 0, 0xd2, 4, 0, 0,
		4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
		16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
		32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
	}
	const attribute = "system.posix_acl_access"
	err := unix.Setxattr(file, attribute, list, 0)
	hasList := err == nil
	if !hasList && !errors.Is(err, unix.ENOTSUP) {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chown(file, 1111, 2222), os.Chmod(file, 0o640)); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"alice", "bob"} {
		if code, said := withInput(t, "", "users", "remove", file, user); code != 0 {
			t.Fatal(said)
		}
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if s := st.Sys().(*syscall.Stat_t); s.Uid != 1111 || s.Gid != 2222 {
			t.Errorf("the file belongs to %d:%d, want 1111:2222", s.Uid, s.Gid)
		}
		wantMode(t, file, 0o640)
		if !hasList {
			continue
		}
		got := make([]byte, 1024)
		if n, err := unix.Getxattr(file, attribute, got); err != nil || !bytes.Equal(got[:n], list) {
			t.Errorf("the access control list is %v, want %v: %v", got[:n], list, err)
		}
	}
}

// TestUsersNoDefaultList: the default access control list of the directory does not become
// that of the file.
func TestUsersNoDefaultList(t *testing.T) {
	dir := tree(t, map[string]string{"users": users})
	file := filepath.Join(dir, "users")
	list := []byte{
		2, 0, 0, 0,
		1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		2, 0, 7, 0, 0xd2, 4, 0, 0,
		4, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
	}
	if err := unix.Setxattr(dir, "system.posix_acl_default", list, 0); err != nil {
		t.Skipf("no access control lists here: %v", err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if code, said := withInput(t, "", "users", "remove", file, "bob"); code != 0 {
		t.Fatal(said)
	}
	if n, err := unix.Getxattr(file, "system.posix_acl_access", make([]byte, 1024)); !errors.Is(err, unix.ENODATA) {
		t.Errorf("the file has a list of %d bytes: %v", n, err)
	}
	wantMode(t, file, 0o640)
}

// TestUsersUnprivileged: without the right to write to the directory, or to keep the
// owner, the command fails, and the file stays as it is.
func TestUsersUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run the command as another user")
	}
	dir := tree(t, map[string]string{"etc/tokens": "# tokens\n", "shared/tokens": "# tokens\n"})
	for name, mode := range map[string]os.FileMode{"..": 0o755, ".": 0o755, "etc": 0o755, "shared": 0o777, "etc/tokens": 0o666, "shared/tokens": 0o666} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"etc/tokens":    ": permission denied\n",
		"etc/new":       ": permission denied\n",
		"shared/tokens": ": its owner or group would change: run the command as its owner or as root (operation not permitted)\n",
	} {
		file := filepath.Join(dir, name)
		var stderr bytes.Buffer
		cmd := command("token", "new", file, "robot")
		// The directory of the program is not open to other users, but the program is.
		program, err := os.Open(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		cmd.Path, cmd.Dir = "/proc/self/fd/3", "/"
		cmd.ExtraFiles = []*os.File{program}
		cmd.Stderr = &stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if code, said := cmd.ProcessState.ExitCode(), stderr.String(); code != 1 || said != "bailiwick: cannot change "+file+want {
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
	for _, name := range []string{"etc/tokens", "shared/tokens"} {
		if fileText(t, filepath.Join(dir, name)) != "# tokens\n" {
			t.Errorf("%s has changed", name)
		}
	}
	wantFiles(t, dir, "etc/tokens", "shared/tokens")
}

// TestUsersFull: on a full disk, the file stays as it is, and nothing is left.
func TestUsersFull(t *testing.T) {
	for _, disk := range smallDisks {
		t.Run(disk.what, func(t *testing.T) {
			dir := smallDisk(t, disk.options)
			file := filepath.Join(dir, "tokens")
			text := strings.Repeat("# a comment\n", 10_000)
			write(t, file, text)
			release := occupy(t, dir, strings.Contains(disk.options, "inodes"))
			before := filesIn(t, dir)
			code, said := withInput(t, "", "token", "new", file, "robot")
			if code != 1 || said != "bailiwick: cannot change "+file+": no space left on device\n" {
				t.Errorf("exit code %d: %s", code, said)
			}
			if fileText(t, file) != text {
				t.Error("the file has changed")
			}
			wantFiles(t, dir, before...)
			release()
			if code, said := withInput(t, "", "token", "new", file, "robot"); code != 0 {
				t.Errorf("with free space: %s", said)
			}
			wantFiles(t, dir, "tokens")
		})
	}
}
