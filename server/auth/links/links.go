// Package links signs URLs and checks them: whoever holds a link may do one thing
// with one path until it expires, without other credentials.
//
// The signature is an HMAC-SHA256 over the method, the path in its one spelling and
// the query itself, so a query that differs in one byte from what was printed is no
// link. Scheme and port are not signed, and the host is only named: a proxy may change
// them. Where several hosts have the same paths, whoever verifies compares it.
//
// A link is a bearer credential. It stands in browsers' histories and in the logs of
// proxies, so it should be short-lived; taking its key out of the ring revokes it.
package links

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ErrLink is what every link fails with that is no good: forged, altered, expired,
// for another path or method, or by a key that is not in the ring.
var ErrLink = errors.New("not a valid link")

// ErrExpired matches ErrLink, too: a link that was good until it ended.
var ErrExpired = fmt.Errorf("%w any more", ErrLink)

// A Link is what a signature vouches for.
type Link struct {
	Method  string    // "GET", which grants HEAD, too; "PUT", "DELETE" or "POST"
	Path    string    // the whole path of the URL, escaped, in its one spelling, as ParsePath makes it
	Host    string    // of the URL, in lower case, without a port; "" for any
	Expires time.Time // in whole seconds
	User    string    // it acts as this user, under the access rules; "" for none
	Uses    int       // how many GETs it is good for; 0 is any number
	// DownloadName is what the object is called in Content-Disposition; "" leaves
	// that as it is.
	DownloadName string

	// ID tells this link from all others, for counting its uses. Sign makes one.
	ID string
}

// The parameters of the query.
const (
	paramExpires   = "bw_expires"
	paramHost      = "bw_host"
	paramID        = "bw_id"
	paramKey       = "bw_key"
	paramMethod    = "bw_method"
	paramName      = "bw_name"
	paramSignature = "bw_signature"
	paramUser      = "bw_user"
	paramUses      = "bw_uses"
)

// maxHostBytes is how long the name of a host can be.
const maxHostBytes = 253

// maxQueryBytes bounds what is looked at of a query that claims to be a link.
const maxQueryBytes = 8 << 10

// ParsePath returns the one spelling of a URL's escaped path that a link can be
// for: a vfs.Name behind a slash. For uploads it ends in a slash.
func ParsePath(escaped string) (string, error) {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return "", fmt.Errorf("the path %q does not begin with a slash", escaped)
	}
	dir := ""
	if rest == "" || strings.HasSuffix(rest, "/") {
		rest, dir = strings.TrimSuffix(rest, "/"), "/"
	}
	if rest == "" {
		return "/", nil
	}
	n, err := vfs.ParseEscapedPath(rest)
	if err != nil {
		return "", fmt.Errorf("the path %q is no name: %s", escaped, vfs.ReasonOf(err).Detail())
	}
	return "/" + n.EscapedPath() + dir, nil
}

// Sign returns the query of a URL that is the link l, by the ring's first key.
func (k *Keys) Sign(l Link) (query string, err error) {
	if k.empty() {
		return "", errors.New("there is no key to sign with; LoadKeys and ReadKeys read some")
	}
	if err := l.check(); err != nil {
		return "", err
	}
	q := url.Values{}
	q.Set(paramExpires, strconv.FormatInt(l.Expires.Unix(), 10))
	if l.Host != "" {
		q.Set(paramHost, l.Host)
	}
	q.Set(paramID, rand.Text())
	q.Set(paramKey, k.ring[0].id)
	if l.Method != http.MethodGet {
		q.Set(paramMethod, l.Method)
	}
	if l.DownloadName != "" {
		q.Set(paramName, l.DownloadName)
	}
	if l.User != "" {
		q.Set(paramUser, l.User)
	}
	if l.Uses > 0 {
		q.Set(paramUses, strconv.Itoa(l.Uses))
	}
	signed := q.Encode()
	return signed + "&" + paramSignature + "=" + signature(k.ring[0].secret, l.Method, l.Path, signed), nil
}

func (l *Link) check() error {
	switch l.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost:
	default:
		return fmt.Errorf("a link cannot be for the method %q: only GET (with HEAD), PUT, DELETE or POST", l.Method)
	}
	if dir := strings.HasSuffix(l.Path, "/"); dir != (l.Method == http.MethodPost) {
		if dir {
			return errors.New("only a link for POST ends in a slash: a link is for one object, not for a directory")
		}
		return errors.New("a link for POST must end in a slash: it is for the place that takes uploads")
	}
	if p, err := ParsePath(l.Path); err != nil || p != l.Path {
		return fmt.Errorf("the path %q is not in its one spelling", l.Path)
	}
	if l.Uses < 0 {
		return errors.New("the number of uses is negative")
	}
	if l.Uses > 0 && l.Method != http.MethodGet {
		return errors.New("only the uses of a link for GET are counted")
	}
	if auth.Reserved(l.User) {
		return fmt.Errorf("%q is what records call somebody else: no user has that name", l.User)
	}
	if len(l.Host) > maxHostBytes {
		return fmt.Errorf("the host has more than %d bytes", maxHostBytes)
	}
	if !utf8.ValidString(l.User) || !utf8.ValidString(l.DownloadName) || len(l.User)+len(l.DownloadName) > vfs.MaxNameBytes {
		return fmt.Errorf("user and download name must be UTF-8 of at most %d bytes together", vfs.MaxNameBytes)
	}
	return nil
}

// signature signs a request. None of its parts can hold a line end, so that no two
// requests have one text.
func signature(secret []byte, method, path, query string) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "bailiwick link 1\n%s\n%s\n%s", method, path, query)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// IsLink reports whether a query holds any of a link's parameters. Such a request
// is judged as a link alone: were a bad one served by other credentials, or as if
// it had none, a link could not be seen to have ended.
func IsLink(rawQuery string) bool {
	if !strings.Contains(rawQuery, "bw_") && !strings.Contains(rawQuery, "%") {
		return false
	}
	for pair := range strings.FieldsFuncSeq(rawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		key, _, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err == nil && strings.HasPrefix(key, "bw_") {
			return true
		}
	}
	return false
}

// Verify returns the link that a request is, by its method, its path in its one
// spelling and its query as it was sent. All failures match ErrLink; of what was not
// signed nothing is told beyond that.
func (k *Keys) Verify(method, path, rawQuery string, now time.Time) (Link, error) {
	signed, sent, ok := strings.Cut(rawQuery, "&"+paramSignature+"=")
	// A ring without keys compares with a secret that everybody knows: 32 zero bytes.
	if !ok || len(rawQuery) > maxQueryBytes || k.empty() {
		return Link{}, ErrLink
	}
	q, err := url.ParseQuery(signed)
	if err != nil {
		return Link{}, ErrLink
	}
	l := Link{
		Method: http.MethodGet, Path: path, ID: q.Get(paramID),
		Host: q.Get(paramHost), User: q.Get(paramUser), DownloadName: q.Get(paramName),
	}
	if m := q.Get(paramMethod); m != "" {
		l.Method = m
	}
	// With a key that nobody has, an unknown id costs what a known one does.
	secret := k.none[:]
	for i := range k.ring {
		if k.ring[i].id == q.Get(paramKey) {
			secret = k.ring[i].secret
		}
	}
	want := signature(secret, l.Method, path, signed)
	if !hmac.Equal([]byte(want), []byte(sent)) {
		return Link{}, ErrLink
	}
	// What follows was signed, so that only an old program's or a wrong clock's
	// mistake can be in it.
	seconds, err := strconv.ParseInt(q.Get(paramExpires), 10, 64)
	if err != nil {
		return Link{}, ErrLink
	}
	l.Expires = time.Unix(seconds, 0)
	if uses := q.Get(paramUses); uses != "" {
		if l.Uses, err = strconv.Atoi(uses); err != nil || l.Uses < 1 {
			return Link{}, ErrLink
		}
	}
	switch {
	case l.ID == "" || !l.grants(method) || l.check() != nil:
		return Link{}, ErrLink
	case !now.Before(l.Expires):
		return Link{}, ErrExpired
	}
	return l, nil
}

func (l *Link) grants(method string) bool {
	return method == l.Method || method == http.MethodHead && l.Method == http.MethodGet
}
