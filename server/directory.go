package server

import (
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// defaultIndexes are the objects that are served for their directory.
var defaultIndexes = []string{"index.html"}

// serveDir answers a path with a trailing slash: with what the query asks for, or with the
// first index file that exists, else with the listing, else with the fallback, else with 404. An
// index file that exists, but whose share has no use left, is not missing: nothing answers in its
// place.
func (h *handler) serveDir(x *exchange, dir vfs.Name) {
	if h.cfg.List && wantsArchive(x.r) {
		h.archive(x, dir)
		return
	}
	err := refusal(dir.String(), reason.Directory)
	asJSON := h.cfg.List && prefersJSON(x.r.Header["Accept"])
	// The page of a file in dir is none of dir, which may have an index file.
	if h.cfg.List && h.site != nil && !asJSON && h.showsFile(x, dir) {
		return
	}
	if !asJSON {
		for index := range h.indexFiles(dir) {
			pres := h.present(x, index, h.indexVary)
			var obj *vfs.Object
			obj, err = h.open(x, index, &pres)
			if err == nil || !errors.Is(err, fs.ErrNotExist) || vfs.ReasonOf(err) == audit.ReasonShareUsed {
				x.attempt.Name = index
				if err == nil {
					x.send(obj, &pres)
				} else {
					x.fail(err, &pres)
				}
				return
			}
		}
	}
	switch {
	case h.cfg.List:
		h.list(x, dir, asJSON || h.cfg.Page.Mode == PageOff)
	case h.fallsBack(x, dir, refusal(dir.String(), reason.Directory)):
		h.serveFallback(x, dir, err)
	default:
		x.fail(err, nil)
	}
}

// indexFiles yields the names of the index files that dir can have.
func (h *handler) indexFiles(dir vfs.Name) iter.Seq[vfs.Name] {
	return func(yield func(vfs.Name) bool) {
		for _, elem := range h.indexes {
			if n, err := dir.Child(elem); err == nil && !yield(n) {
				return
			}
		}
	}
}

// answersDir reports whether name, which is not an object for the client, is a directory
// that would be served as name + "/". It asks the backend only if the policy allows such a
// directory to be visible to the client.
func (h *handler) answersDir(x *exchange, name vfs.Name, err error) bool {
	// A link opens one object, and a redirect would not count as a use.
	if !h.jail.Caps().Directories || x.link.ID != "" {
		return false
	}
	switch vfs.ReasonOf(err) {
	case reason.Directory, reason.PolicyNoAllow, reason.PolicyDotfile, reason.AuthDenied:
	default:
		return false
	}
	return h.jail.Explain(x.ctx, vfs.OpList, name).Allowed && h.dirAnswers(x, name)
}

// dirAnswers reports whether the directory has a listing or an index file for the client.
func (h *handler) dirAnswers(x *exchange, name vfs.Name) bool {
	ctx := x.ctx
	if h.cfg.List && h.jail.HeadDir(ctx, name) == nil {
		return true
	}
	for index := range h.indexFiles(name) {
		if _, err := h.jail.Head(ctx, index, vfs.Request{}); err == nil {
			return true
		}
	}
	return false
}

// serveMount answers the path at which the handler, or the share, is mounted, without a slash.
func (h *handler) serveMount(x *exchange) {
	top, at := vfs.Root, h.cfg.Mounted
	if x.share != nil {
		top, at = x.share.path, x.share.at
	}
	if x.link.ID == "" && (h.dirAnswers(x, top) || h.fallbackAnswers(x)) {
		x.redirectDir(at, x.cacheControlForListing(noCache))
		return
	}
	x.fail(refusal("", reason.Directory), nil)
}

// isMount reports whether a request is for the path at which its handler is mounted, without
// a slash. Nothing is mounted at the zero Name.
func isMount(r *http.Request, mounted vfs.Name) bool {
	return !mounted.IsZero() && spelled(r.URL) == "" && !hostless(r.RequestURI)
}

// redirectDir redirects the client to the directory with its slash. The target is relative,
// is made from the Name, and begins with "./": no input of a client can make it point to
// another host or scheme.
func (x *exchange) redirectDir(name vfs.Name, cacheControl []string) {
	x.redirect(http.StatusPermanentRedirect, "./"+escapedBase(name)+"/", cacheControl)
}

// escapedBase returns the last element of name, escaped for a URL.
func escapedBase(name vfs.Name) string { return lastElement(name.EscapedPath()) }

func lastElement(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
