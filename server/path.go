package server

import (
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// requestName returns the Name in the path of a request: the path as it was sent, decoded
// exactly once. A path that ends in a slash means a directory; exactly one slash is removed.
//
// If net/url leaves RawPath empty, Path has only one possible spelling and can be used as it
// is: no escape can have hidden a slash, and ParseName refuses the rest. If RawPath is set,
// EscapedPath would be wrong: if the raw path has a byte that Go does not accept, it
// re-encodes the decoded path, where a %2F has become a slash.
func requestName(r *http.Request) (name vfs.Name, isDir bool, err error) {
	if hostless(r.RequestURI) {
		return vfs.Name{}, false, refusal("", reason.NameSlash)
	}
	return pathName(r.URL)
}

// pathName returns the Name in the path of a URL.
func pathName(u *url.URL) (name vfs.Name, isDir bool, err error) {
	sent := spelled(u)
	// "*", an empty path, and what http.StripPrefix leaves of "/filesecret".
	if sent == "" || sent[0] != '/' {
		return vfs.Name{}, false, refusal(sent, reason.NameSlash)
	}
	rest := sent[1:]
	if rest == "" {
		if u.Path != "/" {
			return vfs.Name{}, false, refusal(sent, audit.ReasonNameRewritten)
		}
		return vfs.Root, true, nil
	}
	if rest[len(rest)-1] == '/' {
		rest, isDir = rest[:len(rest)-1], true
	}
	if u.RawPath == "" {
		name, err = vfs.ParseName(rest)
		return name, isDir, err
	}
	if name, err = vfs.ParseEscapedPath(rest); err != nil {
		return vfs.Name{}, isDir, err
	}
	// Middleware that has rewritten only one of the two may have authorized another name
	// than this one.
	decoded, ok := strings.CutPrefix(u.Path, "/")
	if isDir && ok {
		decoded, ok = strings.CutSuffix(decoded, "/")
	}
	if !ok || decoded != name.String() {
		return vfs.Name{}, isDir, refusal(sent, audit.ReasonNameRewritten)
	}
	return name, isDir, nil
}

// spelled returns the path of a URL as it was sent.
func spelled(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.Path
}

// isTop reports whether the path of a URL is a single slash.
func isTop(u *url.URL) bool { return u.Path == "/" && spelled(u) == "/" }

func refusal(name string, why vfs.Reason) error {
	return &vfs.Error{Op: "parse", Name: name, Reason: why, Err: fs.ErrNotExist}
}

// refusedBy returns the error for a verdict that refuses, nil if v allows.
func refusedBy(v vfs.Verdict) error {
	if v.Allowed {
		return nil
	}
	return &vfs.Error{Op: "parse", Name: v.Name.String(), Reason: v.Reason, Rule: v.Rule, Err: fs.ErrNotExist}
}
