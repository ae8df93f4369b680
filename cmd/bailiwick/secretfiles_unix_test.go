//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// A reload reads the files again that BAILIWICK_CATALOG_FILE and BAILIWICK_SHARES_FILE name, as
// those that the configuration names.
func TestSecretVariablesReload(t *testing.T) {
	for _, variable := range []string{"BAILIWICK_CATALOG_FILE", "BAILIWICK_SHARES_FILE"} {
		t.Run(variable, func(t *testing.T) {
			dir := tree(t, map[string]string{"src/x": "", "etc/users": users, "tmp/x": ""})
			etc := filepath.Join(dir, "etc")
			secret := filepath.Join(etc, "secret")
			with := func(args ...string) *exec.Cmd {
				cmd := command(args...)
				cmd.Env = append(cmd.Env, variable+"="+secret, "TMPDIR="+filepath.Join(dir, "tmp"))
				return cmd
			}
			rotate := func(text string) {
				t.Helper()
				write(t, secret+".new", text)
				if err := os.Rename(secret+".new", secret); err != nil {
					t.Fatal(err)
				}
			}
			made := func(name string) bool {
				_, err := os.Stat(filepath.Join(etc, name))
				return err == nil
			}
			text := "access_log: {file: off}\nusers: {htpasswd: users}\nmounts: [{source: ../src, "
			if variable == "BAILIWICK_CATALOG_FILE" {
				text += "uploads: {catalog: 'sqlite:unused.db'}}]\n"
			} else {
				text += "allow: ['**'], access: [{who: authenticated, can: [read, share]}]}]\nshares: {catalog: 'sqlite:unused.db'}\n"
			}
			writeConfig(t, etc, text)
			rotate("sqlite:" + filepath.Join(etc, "first.db") + "\n")
			p := launch(t, with("serve", "--config", filepath.Join(etc, "bailiwick.yaml")))
			if !made("first.db") || made("second.db") || made("unused.db") {
				t.Error("the start did not use the catalog of the file")
			}
			reloads := regexp.MustCompile(`^reload`)
			rotate("sqlite:" + filepath.Join(etc, "second.db") + "\n")
			p.signal(syscall.SIGHUP)
			if line := p.awaitCount(reloads, 1); !strings.HasPrefix(line, "reloaded: ") || !made("second.db") {
				t.Errorf("after a rotation: %s; the second catalog is there: %t", line, made("second.db"))
			}
			rotate("hunter2\n")
			p.signal(syscall.SIGHUP)
			if line := p.awaitCount(reloads, 2); !strings.HasPrefix(line, "reload refused, ") || !strings.Contains(line, ": "+secret+":1: write sqlite:PATH or") || strings.Contains(line, "hunter2") {
				t.Errorf("an invalid address: %s", line)
			}
			if err := os.Remove(secret); err != nil {
				t.Fatal(err)
			}
			p.signal(syscall.SIGHUP)
			if line := p.awaitCount(reloads, 3); !strings.HasPrefix(line, "reload refused, ") || !strings.Contains(line, ": "+variable+": there is no file "+secret) {
				t.Errorf("no file: %s", line)
			}
			p.stop()

			// Commands beside the server use the same file.
			rotate("sqlite:" + filepath.Join(etc, "second.db") + "\n")
			args := []string{"catalog", "ls", filepath.Join(dir, "src")}
			if variable == "BAILIWICK_SHARES_FILE" {
				args = []string{"share", "list"}
			}
			for _, args := range [][]string{args, {"config", "check", filepath.Join(etc, "bailiwick.yaml")}} {
				if out, err := with(args...).CombinedOutput(); err != nil {
					t.Errorf("%q: %v, %s", args, err, out)
				}
			}
			out, err := with("config", "show", filepath.Join(etc, "bailiwick.yaml")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "catalog_file: "+secret) || strings.Contains(string(out), "unused.db") {
				t.Errorf("config show: %v, %s", err, out)
			}
		})
	}
}
