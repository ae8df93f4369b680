package demo

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// The names of the two users.
const first, second = "alice", "bob"

// Users are the two users with their passwords.
type Users struct{ First, FirstPassword, Second, SecondPassword string }

// NewUsers makes two users with random passwords.
func NewUsers() Users { return Users{first, password(), second, password()} }

// password returns 60 random bits in lower-case letters and digits.
func password() string { return strings.ToLower(rand.Text()[:12]) }

// Configure writes the configuration and the files of users to dir, and returns the path of
// the configuration.
func Configure(dir string, users Users) (file string, err error) {
	var passwords []byte
	for _, u := range [][2]string{{users.First, users.FirstPassword}, {users.Second, users.SecondPassword}} {
		hash, err := htpasswd.Hash(u[1])
		if err != nil {
			return "", err
		}
		passwords = append(passwords, u[0]+":"+hash+"\n"...)
	}
	keys, _, err := links.AddKey("keys", nil)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(dir, "inbox"), 0o700); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "demo.yaml")
	for name, data := range map[string][]byte{"users": passwords, "keys": keys, "demo.yaml": []byte(configuration)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return "", err
		}
	}
	return file, nil
}

// configuration serves the site. Its paths are relative to the file.
const configuration = `
listen: ["127.0.0.1:0"]
drain: 1s
access_log: {file: "off"}
users: {htpasswd: users, sessions: {keys: keys}}
limits: {upload: 256MiB}
mounts:
- path: /
  source: "mem:"
  allow: ["*.md", "{Documents,Pictures,Sound,Many,Names,Playground,Team,Private}/**"]
  deny: ["**/draft.*"]
  inline: [application/pdf]
  list: true
  write: true
  access:
  - {who: anyone, can: [read, list], names: ["*.md", "{Documents,Pictures,Sound,Many,Names,Playground,Team}/**"]}
  - {who: anyone, can: [write, delete], names: ["Playground/**"]}
  - {who: authenticated, can: [write, delete], names: ["Team/**"]}
  - {who: authenticated, can: [read, list, write, delete], names: ["Private/{user}/**"]}
- path: /Inbox
  source: inbox
  uploads: {catalog: "sqlite:catalog.db"}
  access:
  - {who: authenticated, can: [upload]}
  - {who: owner, can: [read, delete]}
`
