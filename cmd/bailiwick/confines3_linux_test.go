package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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

// A server whose S3 credentials come from a token file can read that again when they expire:
// from a directory that a variable names, also by a link, as Kubernetes has it, under Landlock;
// from one that only a profile names, without.
func TestConfineTokenFile(t *testing.T) {
	s := startBucketSite(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.FormValue("WebIdentityToken"); got != "token" {
			t.Errorf("the token is %q", got)
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken></SessionToken><Expiration>2000-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, s.gateway.AccessKey, s.gateway.SecretKey)
	}))
	defer sts.Close()
	dir := tree(t, map[string]string{"etc/x": "", "aws/config": "", "tokens/..data/token": "token", "tmp/x": ""})
	for link, target := range map[string]string{"tokens/token": "..data/token", "linked": "tokens/token"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	writeConfig(t, filepath.Join(dir, "etc"), "mounts: [{source: '"+s.source+"', allow: ['**/*.html']}]\n")
	for variable, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL_STS": sts.URL, "AWS_CONFIG_FILE": filepath.Join(dir, "aws", "config"),
	} {
		t.Setenv(variable, value)
	}
	for _, c := range []struct {
		profile string
		env     []string
		line    string
	}{
		{"", []string{"AWS_ROLE_ARN=arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE=" + filepath.Join(dir, "linked")}, "landlock: on"},
		{"[default]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = " + filepath.Join(dir, "linked") + "\n", nil,
			"landlock: off, the S3 credentials come from a token file that a profile names"},
	} {
		write(t, filepath.Join(dir, "aws", "config"), c.profile)
		p := confined(t, "bailiwick", dir, c.env...)
		for range 2 {
			if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
				t.Errorf("%s: %d %q", c.line, status, body)
			}
		}
		if !slices.ContainsFunc(p.said(), func(line string) bool { return strings.HasPrefix(line, c.line) }) {
			t.Errorf("the startup output lacks %q:\n%s", c.line, strings.Join(p.said(), "\n"))
		}
		p.stop()
	}
}
