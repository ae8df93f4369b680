// Package htpasswd checks names and passwords against a file of bcrypt hashes, as
// created by Apache's htpasswd -B and bailiwick users add:
//
//	# comment
//	alice:$2a$12$...
package htpasswd

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

// Limits of the cost of a hash in a file. Each step doubles the work: a check takes a
// quarter of a second at cost 12 and two seconds at MaxCost.
const (
	MinCost = bcrypt.MinCost
	MaxCost = 15
)

// DefaultCost is the cost that [Hash] uses.
const DefaultCost = 12

// MaxPasswordBytes is how many bytes bcrypt uses. It would accept any longer password
// with the same beginning, so longer passwords are refused.
const MaxPasswordBytes = 72

// Options limits the work of checks. Zero values are the defaults.
type Options struct {
	Concurrent int              // concurrent checks; default half the processors
	MaxWait    time.Duration    // how long a check may wait to start; default 10 s
	Remember   time.Duration    // how long a correct password is remembered; default 5 min
	Remembered int              // how many passwords are remembered; default 1,024
	Now        func() time.Time // default time.Now

	// OtherSuffixes are the suffixes of other namespaces in the same auth.Chain. A name in
	// the file that looks like one of theirs is an error.
	OtherSuffixes []string

	// OnCheck, if not nil, is called for each password, with remembered set if it needed no
	// check because it was remembered. It is called concurrently.
	OnCheck func(remembered bool)
}

// Users is a parsed file. It is immutable; after a reload, new Users start with no
// remembered passwords. It is safe for concurrent use. The zero Users and nil accept
// nobody.
type Users struct {
	opts   Options
	hashes map[string]string
	cost   int // the highest
	slots  slots
	right  *memory

	compare func(hash, password []byte) error
}

var _ auth.Passwords = (*Users)(nil)

// Load reads the file at path. An error names the file and the line: a hash that is not
// bcrypt, a cost out of range, a duplicate user, or a name that is empty, reserved or
// not printable. A name need not be a path element; see [access.Rule] for what {user}
// means then.
//
// [access.Rule]: https://pkg.go.dev/github.com/bailiwick-fs/bailiwick/server/access#Rule
func Load(path string, opts Options) (*Users, error) {
	entries, err := userfile.Read(path, opts.OtherSuffixes)
	if err != nil {
		return nil, err
	}
	return newUsers(path, entries, opts)
}

// Parse is like Load for data that was already read; path is used in errors.
func Parse(path string, data []byte, opts Options) (*Users, error) {
	entries, err := userfile.Parse(path, data, opts.OtherSuffixes)
	if err != nil {
		return nil, err
	}
	return newUsers(path, entries, opts)
}

func newUsers(path string, entries []userfile.Entry, opts Options) (*Users, error) {
	if opts.MaxWait <= 0 {
		opts.MaxWait = defaultWait
	}
	if opts.Remember <= 0 {
		opts.Remember = defaultRemember
	}
	if opts.Remembered <= 0 {
		opts.Remembered = defaultRemembered
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.OnCheck == nil {
		opts.OnCheck = func(bool) {}
	}
	u := &Users{
		opts:    opts,
		hashes:  make(map[string]string, len(entries)),
		slots:   newSlots(opts.Concurrent),
		right:   newMemory(opts.Remembered, opts.Remember),
		compare: bcrypt.CompareHashAndPassword,
	}
	lines := make(map[string]int, len(entries))
	for _, e := range entries {
		// Two Unicode spellings of a name would be two users that readers cannot
		// distinguish.
		spelling := norm.NFC.String(e.Name)
		if first, twice := lines[spelling]; twice {
			if _, same := u.hashes[e.Name]; !same {
				return nil, userfile.Errorf(path, e.Line, "the name looks like that of line %d, in another Unicode normal form", first)
			}
			return nil, userfile.Errorf(path, e.Line, "%s is listed twice, first in line %d", e.Name, first)
		}
		cost, err := checkHash(e.Value)
		if err != nil {
			return nil, userfile.Errorf(path, e.Line, "%v", err)
		}
		lines[spelling] = e.Line
		u.hashes[e.Name] = e.Value
		u.cost = max(u.cost, cost)
	}
	if u.cost == 0 {
		u.cost = DefaultCost
	}
	return u, nil
}

// Names returns the names in the file, sorted.
func (u *Users) Names() []string {
	names := make([]string, 0, len(u.hashes))
	for name := range u.hashes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// CheckPassword implements [auth.Passwords]. Every failure costs as much work as one
// check at the highest cost in the file, so that the time does not reveal which users
// exist. Waiting for a free slot ends with ctx or after Options.MaxWait, with
// ErrUnavailable. A check that has started is completed, so that a client cannot avoid
// being counted by disconnecting.
func (u *Users) CheckPassword(ctx context.Context, name, password string) (auth.Principal, error) {
	if u == nil || u.right == nil {
		return auth.Principal{}, auth.ErrCredentials
	}
	p := auth.Principal{Name: name, Method: "basic"}
	hash, known := u.hashes[name]
	key := u.right.key(name, password, hash)
	if known && u.right.has(key, u.opts.Now()) {
		u.opts.OnCheck(true)
		return p, nil
	}

	if !u.slots.enter(ctx, u.opts.MaxWait) {
		return auth.Principal{}, auth.ErrUnavailable
	}
	defer u.slots.leave()

	// Concurrent requests with the same password need only one check.
	remembered := known && u.right.has(key, u.opts.Now())
	u.opts.OnCheck(remembered)
	if remembered {
		return p, nil
	}
	if !known || !comparesAll(password) {
		u.work(u.cost, u.cost, password)
		return auth.Principal{}, auth.ErrCredentials
	}
	if u.compare([]byte(hash), []byte(password)) != nil {
		cost, _ := bcrypt.Cost([]byte(hash))
		// 2^cost rounds are done; adding 2^cost + 2^(cost+1) + ... makes 2^u.cost.
		u.work(cost, u.cost-1, password)
		return auth.Principal{}, auth.ErrCredentials
	}
	u.right.add(key, u.opts.Now())
	return p, nil
}

// Fingerprint returns a hash, keyed by key, of the line of the user p.Name. It differs after
// the password was set again, even to the same one. ok is false if the file has no such user.
// It is for package session, whose sessions end with the line that they began with.
func (u *Users) Fingerprint(p auth.Principal, key []byte) (hash []byte, ok bool) {
	if u == nil {
		return nil, false
	}
	line, ok := u.hashes[p.Name]
	if !ok {
		return nil, false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(p.Name + ":" + line)) // a name holds no colon
	return mac.Sum(nil), true
}

// comparesAll reports whether bcrypt compares all of a password, and not only its beginning.
func comparesAll(password string) bool {
	return len(password) <= MaxPasswordBytes && strings.IndexByte(password, 0) < 0
}

// work does the work of checks against hashes with the costs from low to high.
func (u *Users) work(low, high int, password string) {
	for cost := low; cost <= high; cost++ {
		// No password has this hash: its last character sets bits that bcrypt leaves zero.
		dummy := fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat("z", 53))
		_ = u.compare([]byte(dummy), []byte(password))
	}
}

// checkHash returns the cost of a bcrypt hash.
func checkHash(hash string) (int, error) {
	const form = "$2y$12$" // and 53 characters
	switch {
	case len(hash) < 4 || hash[:2] != "$2" || strings.IndexByte("aby", hash[2]) < 0 || hash[3] != '$':
		return 0, errors.New("not a bcrypt hash; make one with bailiwick users, or htpasswd -B")
	case len(hash) != len(form)+53 || hash[6] != '$' || strings.Trim(hash[len(form):], bcryptDigits) != "":
		return 0, errors.New("not a complete bcrypt hash")
	}
	tens, ones := hash[4]-'0', hash[5]-'0'
	if tens > 9 || ones > 9 {
		return 0, errors.New("not a complete bcrypt hash")
	}
	cost := int(tens)*10 + int(ones)
	if cost < MinCost || cost > MaxCost {
		return 0, fmt.Errorf("a bcrypt hash of cost %d; it must be from %d to %d", cost, MinCost, MaxCost)
	}
	return cost, nil
}

const bcryptDigits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
