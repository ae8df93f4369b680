package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

// intruder is a compromised server: on SIGUSR1 it opens the file that INTRUDER_READS
// names, and bypasses its own checks.
func intruder() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for range signals {
			_, err := os.ReadFile(os.Getenv("INTRUDER_READS"))
			fmt.Fprintf(os.Stderr, "intruder: %v\n", err)
		}
	}()
	main()
}

func init() { commands["intruder"] = intruder }

// confined starts program, the command or the intruder, with the configuration in
// dir/etc. Its shared temporary directory is dir/tmp.
func confined(t *testing.T, program, dir string, env ...string) *process {
	t.Helper()
	cmd := command("serve", "--config", filepath.Join(dir, "etc", "bailiwick.yaml"))
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args[0] = path, program
	cmd.Env = append(cmd.Env, append(env, "TMPDIR="+filepath.Join(dir, "tmp"))...)
	p := launch(t, cmd)
	if slices.Contains(p.said(), "landlock: not supported by this kernel") {
		t.Skip("this kernel has no Landlock")
	}
	return p
}

// The kernel denies even a compromised server every file outside its sources. The control
// with landlock: off proves that the attack works without Landlock.
func TestConfineIntruder(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a", "outside/secret": "secret", "tmp/secret": "secret", "etc/x": ""})
	for _, c := range []struct{ landlock, file, want string }{
		{"auto", "outside/secret", "permission denied"},
		{"auto", "srv/../outside/secret", "permission denied"},
		{"auto", "srv/a", "<nil>"},
		{"auto", "tmp/secret", "permission denied"},
		{"off", "outside/secret", "<nil>"},
		{"off", "tmp/secret", "<nil>"},
	} {
		writeConfig(t, filepath.Join(dir, "etc"), "landlock: "+c.landlock+"\nmounts: [{source: ../srv, allow: ['**']}]\n")
		p := confined(t, "intruder", dir, "INTRUDER_READS="+dir+"/"+c.file)
		p.signal(syscall.SIGUSR1)
		if got := p.await(regexp.MustCompile(`^intruder: (.*)$`)); !strings.HasSuffix(got, c.want) {
			t.Errorf("landlock: %s: %s: %s", c.landlock, c.file, got)
		}
		p.stop()
	}
}

// The startup output lists every path that stays accessible.
func TestConfineLines(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a", "up/x": "", "cat/x": "", "tmp/x": "", "etc/x": ""})
	writeConfig(t, filepath.Join(dir, "etc"), `
mounts:
  - {path: /a, source: ../srv, allow: ["**"]}
  - {path: /up, source: ../up, uploads: {catalog: "sqlite:../cat/c.db"}}
`)
	p := confined(t, "bailiwick", dir)
	said := strings.Join(p.said(), "\n") + "\n"
	own, err := filepath.Glob(filepath.Join(dir, "tmp", ".bailiwick-serve-*"))
	if err != nil || len(own) != 1 {
		t.Fatal(own, err)
	}
	for what, paths := range map[string][]string{
		"read and write": {filepath.Join(dir, "cat"), own[0], filepath.Join(dir, "up")},
		"remove empty directories, and nothing else": {filepath.Join(dir, "tmp")},
	} {
		if line := "\nlandlock: " + what + ": " + strings.Join(paths, ", ") + "\n"; !strings.Contains(said, line) {
			t.Errorf("the startup output lacks %s%s", line, said)
		}
	}
	read := regexp.MustCompile(`(?m)^landlock: read: (.*)$`).FindStringSubmatch(said)
	if read == nil {
		t.Fatal(said)
	}
	for _, path := range []string{filepath.Join(dir, "srv"), filepath.Join(dir, "etc"), "/proc/self"} {
		if !slices.Contains(strings.Split(read[1], ", "), path) {
			t.Errorf("the startup output does not list %s: %s", path, read[0])
		}
	}
	p.stop()
}

// A file that cannot be there needs no rule, and a device opens no directory.
func TestConfineOddPaths(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a", "tmp/x": "", "etc/x": ""})
	writeConfig(t, filepath.Join(dir, "etc"), "access_log: {file: /dev/full}\nmounts: [{source: ../srv, allow: ['**']}]\n")
	p := confined(t, "bailiwick", dir, "HOME=/dev/null", "AWS_CONFIG_FILE=/dev/null", "AWS_CA_BUNDLE="+dir+"/srv/a/x")
	said := strings.Join(p.said(), "\n") + "\n"
	for _, line := range []string{"\nlandlock: on ", "/dev/full"} {
		if !strings.Contains(said, line) {
			t.Errorf("the startup output lacks %s:\n%s", line, said)
		}
	}
	for line := range strings.Lines(said) {
		if paths, ok := strings.CutPrefix(line, "landlock: read"); ok && slices.Contains(strings.FieldsFunc(paths, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }), "/dev") {
			t.Errorf("all of /dev is open: %s", line)
		}
	}
	p.signal(syscall.SIGHUP)
	p.await(reloadedLine)
	p.stop()
}

// The authorities of SSL_CERT_FILE count in the sandbox, wherever that is, also if the first
// certificate is verified when it is too late to read the file.
func TestConfineAuthorities(t *testing.T) {
	issuer := oidcserver.Start(t)
	at, err := url.Parse(issuer.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	ca := issue(t, nil, "authority")
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(at))
	identity := issue(t, ca, "issuer")
	front.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{identity.cert.Raw}, PrivateKey: identity.key}}}
	front.StartTLS()
	defer front.Close()
	issuer.Issuer = front.URL
	dir := tree(t, map[string]string{"srv/a": "a", "tmp/x": "", "etc/x": ""})
	ca.save(t, filepath.Join(dir, "elsewhere"), "ca")
	writeConfig(t, filepath.Join(dir, "etc"), `
users: {oidc: {issuer: "`+issuer.Issuer+`", audience: bailiwick}}
mounts: [{source: ../srv, allow: ["**"], access: [{who: authenticated, can: [read]}]}]
`)
	p := confined(t, "bailiwick", dir, "SSL_CERT_FILE="+filepath.Join(dir, "elsewhere", "ca.pem"), "SSL_CERT_DIR="+filepath.Join(dir, "srv"))
	token := issuer.Token(t, issuer.Claims("alice", time.Now()))
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Errorf("with a token: %d\n%s", resp.StatusCode, strings.Join(p.said(), "\n"))
	}
	p.stop()
}

// A reload that needs a path outside the sandbox is refused, also if a link leads there,
// and the message suggests a fix. With landlock: off the reload succeeds.
func TestConfineReload(t *testing.T) {
	dir := tree(t, map[string]string{
		"srv/a": "old", "srv/sub/a": "sub", "outside/a": "new", "outside/names": "a\n", "tmp/x": "", "etc/names": "a\n", "outside/log/x": "",
	})
	for link, to := range map[string]string{"srv/link": "../outside", "etc/linked": "../outside/names"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	etc := filepath.Join(dir, "etc")
	const before = "mounts: [{source: ../srv, allow: ['**']}]\n"
	for _, landlock := range []string{"auto", "off"} {
		setting := "landlock: " + landlock + "\n"
		writeConfig(t, etc, setting+before)
		p := confined(t, "bailiwick", dir)
		n := 0
		for _, after := range []string{
			"mounts: [{source: ../outside, allow: ['**']}]\n",
			"mounts: [{source: ../srv/link, allow: ['**']}]\n",
			"mounts: [{source: ../srv, allow_file: ../outside/names}]\n",
			"mounts: [{source: ../srv, allow_file: linked}]\n",
			"mounts: [{source: ../srv, allow: ['**'], write: true}]\n", // the source is read-only in the sandbox
			"access_log: {file: ../outside/log/log}\n" + before,
		} {
			writeConfig(t, etc, setting+after)
			n++
			p.signal(syscall.SIGHUP)
			p.awaitCount(regexp.MustCompile(`^reload`), n)
			refused := 0
			for _, line := range p.said() {
				if strings.HasPrefix(line, "reload refused, the previous configuration stays in use: ") &&
					strings.HasSuffix(line, " is outside the directories that Landlock allowed at the start; restart, or start with landlock: off") {
					refused++
				}
			}
			if landlock == "off" {
				if refused > 0 {
					t.Errorf("%s was refused", after)
				}
				continue
			}
			if refused != n {
				t.Fatalf("%s: %s", after, strings.Join(p.said(), "\n"))
			}
			if _, body := get(t, p.url+"/a"); body != "old" {
				t.Errorf("%s: a is %q", after, body)
			}
		}
		// A reload within the sandbox succeeds.
		writeConfig(t, etc, setting+"mounts: [{path: /x, source: ../srv, allow_file: names}]\n")
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^reload`), n+1)
		if _, body := get(t, p.url+"/x/a"); body != "old" {
			t.Errorf("landlock: %s: after a reload that fits, /x/a is %q", landlock, body)
		}
		// Opening another directory runs a self-test in the temporary directory.
		writeConfig(t, etc, setting+"mounts: [{source: ../srv/sub, allow: ['**']}]\n")
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^reload`), n+2)
		if _, body := get(t, p.url+"/a"); body != "sub" {
			t.Errorf("landlock: %s: after a reload with another source, /a is %q", landlock, body)
		}
		p.stop()
	}
}

// Every feature works in the sandbox: writes, uploads with their catalog and spool files,
// a rotated access log, and files that are replaced by rename.
func TestConfineFeatures(t *testing.T) {
	ca := issue(t, nil, "authority")
	dir := tree(t, map[string]string{"srv/a": "a", "up/x": "", "cat/x": "", "log/x": "", "tmp/x": "", "etc/users": users})
	etc := filepath.Join(dir, "etc")
	// As with certbot, the configured names are symbolic links.
	certificate := func(name string) {
		t.Helper()
		issue(t, ca, name).save(t, filepath.Join(dir, "archive"), name)
		for _, suffix := range []string{".pem", ".key"} {
			link := filepath.Join(etc, "server"+suffix)
			if err := os.Symlink(filepath.Join("..", "archive", name+suffix), link+".new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(link+".new", link); err != nil {
				t.Fatal(err)
			}
		}
	}
	certificate("first")
	writeConfig(t, etc, `
access_log: {file: ../log/access}
users: {htpasswd: users}
tls: {cert: server.pem, key: server.key}
mounts:
  - {path: /w, source: ../srv, allow: ["**"], write: true, list: true}
  - {path: /up, source: ../up, uploads: {catalog: "sqlite:../cat/c.db"}}
  - {path: /mine, source: ../srv, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`)
	p := confined(t, "bailiwick", dir)
	client := ca.trusting(nil)
	defer client.CloseIdleConnections()
	do := func(method, path, body string, want int, change ...func(*http.Request)) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range change {
			f(r)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s %s: %d, want %d", method, path, resp.StatusCode, want)
		}
		return resp
	}
	do("PUT", "/w/new/deep/b", strings.Repeat("b", 1<<20), 201)
	do("PUT", "/w/a", "aa", 204)
	do("GET", "/w/", "", 200)
	do("DELETE", "/w/new/deep/b", "", 204)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, name := range []string{"one", "two"} {
		part, err := w.CreateFormFile("f", name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(bytes.Repeat([]byte(name), 1<<20))
	}
	w.Close()
	do("POST", "/up/", form.String(), 201, func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
	at := do("POST", "/up/", "x", 201, func(r *http.Request) {
		r.Header.Set("Content-Disposition", "attachment; filename=x.txt")
	}).Header.Get("Location")
	do("GET", at, "", 200)
	do("DELETE", at, "", 204)
	do("GET", "/mine/a", "", 200, as("alice"))

	// Each file is replaced by a rename, as editors and certbot do.
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename("log/access", "log/access.1")
	write(t, filepath.Join(etc, "users.new"), strings.Split(users, "\n")[1]+"\n")
	rename("etc/users.new", "etc/users")
	certificate("renewed")
	p.signal(syscall.SIGHUP)
	p.await(reloadedLine)
	client.CloseIdleConnections()
	if name := do("GET", "/mine/a", "", 200, as("bob")).TLS.PeerCertificates[0].Subject.CommonName; name != "renewed" {
		t.Errorf("the certificate is %s", name)
	}
	do("GET", "/mine/a", "", 401, as("alice"))
	p.stop()
	// Records are written after the responses: early ones may be in either file.
	records := 0
	for _, file := range []string{"log/access.1", "log/access"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		records += bytes.Count(data, []byte("\n"))
		if file == "log/access" && !bytes.Contains(data, []byte(`"status":401`)) {
			t.Errorf("the last record is not in the new file: %s", data)
		}
	}
	if records != 11 {
		t.Errorf("%d records of 11 requests", records)
	}
}
