package server

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// indexName is the object that answers for its directory.
const indexName = "index.html"

// serveDir answers for a path with a trailing slash: with the index file, else
// with the listing, else as if there were nothing.
func (h *handler) serveDir(x *exchange, dir vfs.Name) {
	err := refused(dir.String(), reason.Directory)
	asJSON := h.cfg.List && prefersJSON(x.r.Header["Accept"])
	if index, ok := h.index(dir); ok && !asJSON {
		pres := h.present(x, index, h.indexVary)
		var obj *vfs.Object
		obj, err = h.open(x, index, &pres)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			x.attempt.Name = index
			if err == nil {
				x.send(obj, &pres)
			} else {
				x.fail(err, &pres)
			}
			return
		}
	}
	if h.cfg.List {
		x.list(dir, asJSON)
		return
	}
	x.fail(err, nil)
}

// index returns the name of dir's index file, if there can be one.
func (h *handler) index(dir vfs.Name) (vfs.Name, bool) {
	if h.cfg.NoIndex {
		return vfs.Name{}, false
	}
	n, err := dir.Child(indexName)
	return n, err == nil
}

// answersDir reports whether name, which is no object for the client, is a
// directory that would answer under name + "/". It asks the backend only where
// the policy says that such a directory may exist for the client.
func (h *handler) answersDir(x *exchange, name vfs.Name, err error) bool {
	// A link is for one object, and where its uses are counted, for so many answers.
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

// dirAnswers reports whether a request for the directory would be answered by its
// listing or its index file.
func (h *handler) dirAnswers(x *exchange, name vfs.Name) bool {
	ctx := x.ctx
	if h.cfg.List && h.jail.HeadDir(ctx, name) == nil {
		return true
	}
	if index, ok := h.index(name); ok {
		_, err := h.jail.Head(ctx, index, vfs.Request{})
		return err == nil
	}
	return false
}

// serveMount answers for the path that the handler is mounted at, without its slash.
func (h *handler) serveMount(x *exchange) {
	if x.link.ID == "" && h.dirAnswers(x, vfs.Root) {
		x.redirectDir(h.cfg.Mounted)
		return
	}
	x.fail(refused("", reason.Directory), nil)
}

// redirectDir sends the client to the directory's own name with its slash. The
// target is made of the Name, relative, and begins with "./": nothing that the
// client sent can turn it into another host or scheme.
func (x *exchange) redirectDir(name vfs.Name) {
	h := x.Header()
	h["Location"] = []string{"./" + escapedBase(name) + "/"}
	h["Cache-Control"] = x.cacheControlForListing(noCache)
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = zeroLength
	x.WriteHeader(http.StatusPermanentRedirect)
}

// escapedBase returns the last element of name as a URL has it.
func escapedBase(name vfs.Name) string {
	p := name.EscapedPath()
	return p[strings.LastIndexByte(p, '/')+1:]
}
