// Package links signs and verifies URLs. A link permits its holder one method on one
// path until it expires, without other credentials.
//
// The signature is an HMAC-SHA256 over the method, the canonical path and the literal
// query, so changing a single byte of the query invalidates a link. Scheme and port are
// not signed, because a proxy may change them. The host is only recorded in the link: if
// several hosts have the same paths, the caller of Verify must compare it.
//
// A link is a bearer credential. It ends up in browser histories and proxy logs, so it
// should be short-lived. Removing its key from the ring revokes it.
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

// ErrLink is the error for every invalid link: forged, altered, expired, for another
// path or method, or signed by a key that is not in the ring.
var ErrLink = errors.New("not a valid link")

// ErrExpired also matches ErrLink. It is the error for a genuine link that has expired.
var ErrExpired = fmt.Errorf("%w: expired", ErrLink)

// A Link describes what a signed link permits.
type Link struct {
	Method  string    // "GET" (which includes HEAD), "PUT", "DELETE" or "POST"
	Path    string    // the whole escaped path of the URL, in the canonical form of ParsePath
	Host    string    // of the URL, in lower case, without a port, an IPv6 address in brackets; "" for any
	Expires time.Time // in whole seconds
	User    string    // access rules for this user apply; "" for none
	Uses    int       // the maximum number of GETs; 0 for no limit
	// DownloadName is the file name in Content-Disposition; "" leaves the header
	// unchanged.
	DownloadName string

	// ID identifies the link when its uses are counted. Sign generates it.
	ID string
}

// Query parameters.
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

// maxHostBytes is the maximum length of a host name.
const maxHostBytes = 253

// maxQueryBytes limits the query that Verify parses.
const maxQueryBytes = 8 << 10

// ParsePath returns the canonical form of a URL's escaped path: a slash and a vfs.Name,
// with a trailing slash for uploads.
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
		return "", fmt.Errorf("the path %q is not a valid name: %s", escaped, vfs.ReasonOf(err).Detail())
	}
	return "/" + n.EscapedPath() + dir, nil
}

// Sign returns the query of the signed URL for l, using the first key.
func (k *Keys) Sign(l Link) (query string, err error) {
	if k.empty() {
		return "", errors.New("there is no key to sign with; load one with LoadKeys or ReadKeys")
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
	q.Set(paramKey, k.ring[0].ID)
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
	return signed + "&" + paramSignature + "=" + signature(k.ring[0].Secret, l.Method, l.Path, signed), nil
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
		return errors.New("a link for POST must end in a slash: it is for the mount that accepts uploads")
	}
	if p, err := ParsePath(l.Path); err != nil || p != l.Path {
		return fmt.Errorf("the path %q is not in canonical form", l.Path)
	}
	if l.Uses < 0 {
		return errors.New("the number of uses is negative")
	}
	if l.Uses > 0 && l.Method != http.MethodGet {
		return errors.New("only the uses of a link for GET are counted")
	}
	if auth.Reserved(l.User) {
		return fmt.Errorf("%q is a reserved name, which no user can have", l.User)
	}
	if len(l.Host) > maxHostBytes {
		return fmt.Errorf("the host has more than %d bytes", maxHostBytes)
	}
	if !utf8.ValidString(l.User) || !utf8.ValidString(l.DownloadName) || len(l.User)+len(l.DownloadName) > vfs.MaxNameBytes {
		return fmt.Errorf("user and download name must be UTF-8 of at most %d bytes together", vfs.MaxNameBytes)
	}
	return nil
}

// signature signs a request. None of the parts can contain a newline, so the signed text
// is unambiguous.
func signature(secret []byte, method, path, query string) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "bailiwick link 1\n%s\n%s\n%s", method, path, query)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// IsLink reports whether a query contains any parameter of a link. Such a request must
// be authorized by the link alone: if an invalid link fell back to other credentials or
// to anonymous access, nobody would notice that it has expired.
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

// Verify returns the link of a request, from its method, its canonical path and its
// query as it was sent. All errors match ErrLink. An error reveals nothing else about a
// request that was not genuinely signed.
func (k *Keys) Verify(method, path, rawQuery string, now time.Time) (Link, error) {
	signed, sent, ok := strings.Cut(rawQuery, "&"+paramSignature+"=")
	// An empty ring would compare with a secret that everybody knows: 32 zero bytes.
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
	// Comparing with a random key makes an unknown key id take as long as a known one.
	secret := k.none[:]
	for i := range k.ring {
		if k.ring[i].ID == q.Get(paramKey) {
			secret = k.ring[i].Secret
		}
	}
	want := signature(secret, l.Method, path, signed)
	if !hmac.Equal([]byte(want), []byte(sent)) {
		return Link{}, ErrLink
	}
	// The rest was signed, so any error comes from an old program or a wrong clock.
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
