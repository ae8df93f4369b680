//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

const (
	soakLimit    = 1 << 20 // of an object
	soakLargest  = "large"
	soakKept     = "what alice keeps\n"
	soakPassword = "correct horse battery staple"
	soakGuess    = "wrong donkey battery staple"
)

// A soakPlace is a server's files, homes and uploads, with its users.
type soakPlace struct {
	dir     string
	config  string // the file
	log     string // the access log
	tmp     string // the server's temporary directory
	names   []string
	files   map[string][]byte // of /docs
	tokens  map[string]string
	key     string // the signing key, in base64
	link    string // a signed link to /home/alice/kept
	rotated atomic.Int64
}

func newSoakPlace(t *testing.T) *soakPlace {
	t.Helper()
	s := &soakPlace{dir: t.TempDir(), tmp: t.TempDir(), files: map[string][]byte{}, tokens: map[string]string{}}
	t.Setenv("TMPDIR", s.tmp)
	s.config, s.log = s.path("bailiwick.yaml"), s.path("log/access.jsonl")
	for _, dir := range []string{"log", "docs/secret", "home/alice", "files", "db", "etc"} {
		if err := os.MkdirAll(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		s.files[fmt.Sprintf("file-%02d.txt", i)] = bytes.Repeat([]byte(fmt.Sprintf("%02d line of it\n", i)), 1+i*i*20)
	}
	s.files[soakLargest] = bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	for name, content := range s.files {
		s.names = append(s.names, name)
		s.write(t, "docs/"+name, content)
	}
	slices.Sort(s.names)
	s.write(t, "docs/secret/key", []byte("secret\n"))
	s.write(t, "key", []byte("secret\n"))
	s.write(t, "home/alice/kept", []byte(soakKept))
	if err := os.Symlink("../key", s.path("docs/out")); err != nil {
		t.Fatal(err)
	}
	s.writeCredentials(t)
	if err := s.configure(0); err != nil {
		t.Fatal(err)
	}
	return s
}

// writeCredentials writes the files of users, tokens and keys.
func (s *soakPlace) writeCredentials(t *testing.T) {
	t.Helper()
	hashed, err := bcrypt.GenerateFromPassword([]byte(soakPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "etc/users", fmt.Appendf(nil, "alice:%s\n", hashed))
	var lines []byte
	for _, user := range []string{"alice", "bob"} {
		s.tokens[user] = "token-of-" + user + "-0123456789abcdef"
		lines = fmt.Appendf(lines, "%s:%x\n", user, sha256.Sum256([]byte(s.tokens[user])))
	}
	s.write(t, "etc/tokens", lines)
	s.key = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	s.write(t, "etc/keys", []byte("one:"+s.key+"\n"))
	keys, err := links.LoadKeys(s.path("etc/keys"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "/home/alice/kept"
	query, err := keys.Sign(links.Link{Method: http.MethodGet, Path: path, Expires: time.Now().Add(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s.link = path + "?" + query
}

// configure writes the configuration. On odd turns it has another mount and limit.
func (s *soakPlace) configure(turn int) error {
	more, limit := "", "upload_time: 1h"
	if turn%2 == 1 {
		more = "\n  - {path: /more, source: " + s.path("docs") + ", allow: ['file-01.txt'], list: true}"
		limit = "upload_time: 50m"
	}
	text := fmt.Sprintf(`listen: ["127.0.0.1:0"]
admin: 127.0.0.1:0
trusted_proxies: [127.0.0.0/8]
access_log: {file: %[1]s}
users: {htpasswd: %[2]s/etc/users, tokens: %[2]s/etc/tokens}
links: {keys: %[2]s/etc/keys}
limits: {connections: 200, uploads: 6, upload: 1MiB, %[3]s}
mounts:
  - {path: /docs, source: %[2]s/docs, allow: ['*', 'secret/**'], deny: [secret], list: true, precompressed: true}
  - path: /home
    source: %[2]s/home
    allow: ['**']
    write: true
    list: true
    access:
      - {who: authenticated, can: [read, list, write, delete], names: ['{user}/**']}
  - path: /files
    source: %[2]s/files
    uploads: {catalog: 'sqlite:%[2]s/db/catalog.db'}
    access:
      - {who: authenticated, can: [upload]}
      - {who: owner, can: [read, delete]}%[4]s
`, s.log, s.dir, limit, more)
	// Atomically, as an operator should.
	if err := os.WriteFile(s.config+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(s.config+".new", s.config)
}

func (s *soakPlace) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *soakPlace) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkCatalog compares the uploads with their catalog, byte for byte.
func (s *soakPlace) checkCatalog(t *testing.T) {
	t.Helper()
	code, stdout, stderr := runCommand(t, "catalog", "check", s.path("files"), "--catalog", "sqlite:"+s.path("db/catalog.db"), "--deep", "--older-than", "0s")
	if code != cli.ExitDone {
		t.Errorf("catalog check: %d\n%s%s", code, stdout, stderr)
	}
}

// checkLeftovers checks that exactly the kept objects exist.
func (s *soakPlace) checkLeftovers(t *testing.T, l *soakLoad) {
	t.Helper()
	want := []string{"/home/alice/kept"}
	l.kept.Range(func(path, _ any) bool {
		want = append(want, path.(string))
		return true
	})
	slices.Sort(want)
	var got []string
	for _, dir := range []string{"home", "files"} {
		got = append(got, filesBelow(t, s.path(dir), "/"+dir+"/")...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d files, want %d:\n%q\n%q", len(got), len(want), got, want)
	}
	if left := filesBelow(t, s.tmp, ""); len(left) > 0 {
		t.Errorf("left in the temporary directory: %q", left)
	}
}

// filesBelow returns the names of everything below dir except directories.
func filesBelow(t *testing.T, dir, prefix string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, prefix+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// checkLogs checks that the logs have a record of every counted request, over all
// rotations, and that neither they nor standard error contain a secret.
func (s *soakPlace) checkLogs(t *testing.T, said []string, end gauges) {
	t.Helper()
	secrets := []string{soakPassword, soakGuess, s.tokens["alice"], s.tokens["bob"], s.key, "bw_signature", "$2a$",
		strings.TrimPrefix(basicCredentials("alice", soakPassword), "Basic ")}
	files, err := filepath.Glob(s.log + "*")
	if err != nil {
		t.Fatal(err)
	}
	records := int64(0)
	text := []byte(strings.Join(said, "\n"))
	for _, file := range append(files, "") {
		if file != "" {
			if text, err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
			records += int64(bytes.Count(text, []byte("\n")))
		}
		for _, secret := range secrets {
			if at := bytes.Index(text, []byte(secret)); at >= 0 {
				t.Errorf("%q in %q: …%.200s", secret, filepath.Base(file), text[max(0, at-100):])
			}
		}
	}
	if records+end.lost != end.requests {
		t.Errorf("%d records, %d lost, of %d requests", records, end.lost, end.requests)
	}
	for _, line := range said {
		if strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") || strings.Contains(line, "refused") {
			t.Errorf("the server printed: %s", line)
		}
	}
}
