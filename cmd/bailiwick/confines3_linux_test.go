package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A server whose S3 credentials come from a program can run it again when they expire:
// Landlock, which would not let it, stays off, and the startup output says why.
func TestConfineCredentialProcess(t *testing.T) {
	const whyOff = "landlock: off, the S3 credentials come from a program (credential_process), which could not run again when they expire"
	s := startBucketSite(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	dir := tree(t, map[string]string{"srv/a": "a", "etc/x": "", "aws/x": "", "tmp/x": ""})
	program := filepath.Join(dir, "aws", "program")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "aws", "config"))
	write(t, os.Getenv("AWS_CONFIG_FILE"), "[default]\ncredential_process = cat "+program+"\n")
	credentials := func(more string) {
		write(t, program, fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q%s}`, s.gateway.AccessKey, s.gateway.SecretKey, more))
	}
	fromS3 := "mounts: [{source: '" + s.source + "', allow: ['**/*.html']}]\n"
	for _, c := range []struct {
		name, setting, more, line string
	}{
		{"expired", "", `,"Expiration":"2000-01-01T00:00:00Z"`, whyOff}, // each request needs new ones
		{"expired, off", "landlock: off\n", `,"Expiration":"2000-01-01T00:00:00Z"`, "landlock: off, as configured"},
		{"never expire", "", "", "landlock: on"},
	} {
		credentials(c.more)
		writeConfig(t, filepath.Join(dir, "etc"), c.setting+fromS3)
		p := confined(t, "bailiwick", dir)
		for range 2 {
			if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
				t.Errorf("%s: %d %q", c.name, status, body)
			}
		}
		if !slices.ContainsFunc(p.said(), func(line string) bool { return strings.HasPrefix(line, c.line) }) {
			t.Errorf("%s: the startup output lacks %q:\n%s", c.name, c.line, strings.Join(p.said(), "\n"))
		}
		p.stop()
	}

	// A reload cannot lift the restriction.
	writeConfig(t, filepath.Join(dir, "etc"), "mounts: [{source: ../srv, allow: ['**']}]\n")
	p := confined(t, "bailiwick", dir)
	writeConfig(t, filepath.Join(dir, "etc"), fromS3)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused, .*credential_process`))
	p.stop()
}
