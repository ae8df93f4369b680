package server

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// maxNotFound bounds Config.NotFound: every refusal sends it.
const maxNotFound = 256 << 10

// fallsBack reports whether the fallback answers for name, which failed with err. That
// depends on the rules alone: it answers for every name that the policy allows the caller
// to read, whether it is missing, a directory, a symbolic link or a file that is refused.
// Otherwise a 404 would tell that something is there. A link opens only the object that
// it was made for.
func (h *handler) fallsBack(x *exchange, name vfs.Name, err error) bool {
	if h.cfg.Fallback.IsZero() || x.link.ID != "" || !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if name.IsRoot() {
		return true
	}
	if h.fallbackFor != nil {
		if _, ok := h.fallbackFor.Match(vfs.OpRead, name); !ok {
			return false
		}
	}
	return h.jail.Explain(x.ctx, vfs.OpRead, name).Allowed
}

// serveFallback answers for requested with the fallback, or with err if that is missing,
// too. Caches ask again each time, since the name can get an object of its own.
func (h *handler) serveFallback(x *exchange, requested vfs.Name, err error) {
	name := h.cfg.Fallback
	pres := h.present(x, name, h.objectVary)
	pres.cacheControl = x.cacheControlFor(name, x.cacheControlFor(requested, noCache))
	obj, opening := h.open(x, name, &pres)
	switch {
	case opening == nil:
		x.attempt.Name = name
		x.send(obj, &pres)
	case errors.Is(opening, fs.ErrNotExist):
		x.fail(err, nil)
	default:
		x.attempt.Name = name
		x.fail(opening, &pres)
	}
}

// fallbackAnswers reports whether the fallback answers for the root.
func (h *handler) fallbackAnswers(x *exchange) bool {
	if h.cfg.Fallback.IsZero() || h.cfg.List {
		return false
	}
	_, err := h.jail.Head(x.ctx, h.cfg.Fallback, vfs.Request{})
	return err == nil
}

// A refusalPage is the response to every refusal of a handler, if Config.NotFound is set.
type refusalPage struct {
	html    []byte
	sandbox bool // it is content that clients may have written
}

func (x *exchange) sendRefusal(page *refusalPage) {
	h := x.Header()
	h["Cache-Control"] = noStore
	h["Content-Type"] = htmlType
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(page.html))}
	if page.sandbox {
		h["Content-Security-Policy"] = sandboxCSP
	}
	x.WriteHeader(errNotFound.status)
	if x.r.Method != http.MethodHead {
		pacedWriter{x}.Write(page.html) // if the client is gone, nobody is left to tell
	}
}
