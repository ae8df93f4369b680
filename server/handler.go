package server

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A handler is the result of New. ServeHTTP has all steps of a request, in the order that
// limits what a client can learn: the method, without the name; the credentials; the name,
// without the backend; then a single open, which evaluates policy, preconditions and range;
// then the body. In files: method.go, auth.go, challenge.go, path.go, directory.go, sidecar.go,
// exchange.go, headers.go and body.go; for writes put.go, boundedbody.go, checkedbody.go
// and inspect.go. All errors go through status.go.
type handler struct {
	jail         *vfs.Jail
	opens        opener // the jail's Authorizer
	cfg          Config
	intake       *intake // nil if clients cannot write
	untrusted    bool
	allow        []string // the value of Allow
	cacheControl []string
	objectVary   []string     // Vary of an object under its own name
	indexVary    []string     // Vary of an index file
	indexes      []string     // the names of index files, in order
	fallbackFor  *vfs.Matcher // nil for all names
	notFound     *refusalPage // nil for a fixed text
	lingering    *Slots
	searches     *Slots     // of deep searches
	site         *page.Site // nil unless Config.Page is a full page
	archives     Archives
	shared       bool // of a mount as shares see it: requests use one
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.begin(w, r)
	defer x.end()
	if x.sendAsset(h.site) {
		return
	}
	post := h.intake != nil && isPost(r)
	writes := h.intake != nil && isWrite(r.Method) || post
	if !writes && !x.takeMethod(h.allowed(r)) {
		return
	}
	op := opOf(r.Method)
	if post {
		op, x.form = h.formOp(r), isBrowserForm(r)
	}
	if !x.authenticate(&h.cfg.Auth, op, h.opens) {
		return
	}
	if writes && crossOrigin.Check(r) != nil {
		x.fail(refusal("", audit.ReasonCrossOrigin), nil)
		return
	}
	name, isDir, err := requestName(r)
	itself := isMount(r, h.cfg.Mounted) && !writes
	if itself {
		name, isDir, err = vfs.Root, true, nil
	}
	if x.share != nil {
		name, isDir, itself, err = x.share.locate(r.URL, name, isDir, err)
	}
	x.attempt.Name = name
	if isDir && h.cfg.List && !writes {
		x.op = vfs.OpList
	}
	x.grant(auth.Grant{Op: x.op, Name: name})
	switch {
	case err != nil:
		x.fail(err, nil)
	case post && x.shouldChallenge():
		// Before the body is looked at: the response must not depend on it.
		x.fail(refusal(name.String(), audit.ReasonRequired), nil)
	case post && x.link.ID != "":
		// A link is for one object.
		x.fail(refusal(name.String(), audit.ReasonLink), nil)
	case post:
		h.post(x, name)
	case writes:
		h.serveWrite(x, name, isDir)
	case itself:
		h.serveMount(x)
	case isDir:
		h.serveDir(x, name)
	default:
		h.serveName(x, name)
	}
}

func (h *handler) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := begin(w, r, h.jail, h.cfg.Recorder, h.cfg.Logger)
	if h.shared {
		x.enterShare()
	}
	x.pace, x.lingering, x.notFound, x.site = pace(h.cfg.MinRate), h.lingering, h.notFound, h.site
	x.below = h.cfg.Page.Below
	return x
}

// allowed returns the value of Allow. It tells nothing of the name but how the path ends.
func (h *handler) allowed(r *http.Request) []string {
	if h.intake != nil && isDirPath(r.URL) {
		return allowPosts
	}
	return h.allow
}

// serveName answers a path without a trailing slash.
func (h *handler) serveName(x *exchange, name vfs.Name) {
	pres := h.present(x, name, h.objectVary)
	obj, err := h.open(x, name, &pres)
	switch {
	case err == nil:
		x.send(obj, &pres)
	case errors.Is(err, fs.ErrNotExist) && h.answersDir(x, name, err):
		x.redirectDir(name, x.cacheControlForListing(noCache))
	case h.fallsBack(x, name, err):
		h.serveFallback(x, name, err)
	default:
		x.fail(err, &pres)
	}
}

// open opens the object, or a sidecar of it.
func (h *handler) open(x *exchange, name vfs.Name, pres *presentation) (*vfs.Object, error) {
	req := vfs.Request{Range: httpheader.Range(x.r), Cond: httpheader.Conditions(x.r)}
	if h.cfg.Sidecars {
		if obj, err, found := x.openSidecar(name, req, pres); found {
			return obj, err
		}
	}
	req.Direct = x.direct(name.Base(), pres)
	return x.open(name, req)
}
