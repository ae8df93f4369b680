package server

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// requestName makes the Name that a request is for out of its path as it was
// sent, decoded exactly once. A path that ends in a slash asks for a directory;
// exactly one slash is taken off.
//
// net/url leaves RawPath empty only where Path has one possible spelling, so
// Path can be taken as it is then: no escape in it can have hidden a slash,
// and ParseName refuses the rest. EscapedPath would not do where RawPath is set:
// it spells the decoded path anew if the raw one holds a byte that Go does not
// accept, and a %2F is a slash after that.
func requestName(r *http.Request) (name vfs.Name, isDir bool, err error) {
	u := r.URL
	if hostless(r.RequestURI) {
		return vfs.Name{}, false, refusal("", reason.NameSlash)
	}
	sent := u.Path
	if u.RawPath != "" {
		sent = u.RawPath
	}
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
	// A host that rewrote only one of the two authorised another name than it
	// passes on.
	decoded, ok := strings.CutPrefix(u.Path, "/")
	if isDir && ok {
		decoded, ok = strings.CutSuffix(decoded, "/")
	}
	if !ok || decoded != name.String() {
		return vfs.Name{}, isDir, refusal(sent, audit.ReasonNameRewritten)
	}
	return name, isDir, nil
}

func refusal(name string, why vfs.Reason) error {
	return &vfs.Error{Op: "parse", Name: name, Reason: why, Err: fs.ErrNotExist}
}
