package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// UploadConfig says how uploads are stored and served. The zero UploadConfig is safe.
type UploadConfig struct {
	// Mounted is that of [Config]. Only callers who may upload are redirected.
	Mounted vfs.Name

	// Intake says which files are accepted.
	Intake Intake

	// Page says what browsers get at the top. The zero Page is nothing.
	Page Page

	// MaxFiles bounds the files of one request; 0 is 100.
	MaxFiles int

	// MaxRequestBytes bounds the body of a request with several files; 0 is the MaxBytes of
	// Intake plus 16 MiB.
	MaxRequestBytes int64

	// Authorize authorizes all operations. The jail must have no Authorizer, which would
	// not know owners. nil is [OwnersDelete] if Auth accepts neither credentials nor links;
	// otherwise Authorize must be set.
	Authorize UploadAuthorizer

	// MaxAge is that of [Config].
	MaxAge time.Duration

	// TouchEvery is the interval at which a running upload marks its row in the catalog
	// as active; 0 is 30 seconds. It must be much shorter than the age at which a sweep
	// considers an upload stale.
	TouchEvery time.Duration

	// NewID generates the names, UUIDs of version 4; nil is uuid.NewRandom.
	NewID func() (uuid.UUID, error)

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// MinRate is that of [Config].
	MinRate int64

	// Auth authenticates requests.
	Auth Auth

	// Recorder and Logger are those of [Config]. The record of a POST has the name of
	// the object that it created, if it created a single one.
	Recorder audit.Recorder
	Logger   *slog.Logger
}

const (
	defaultMaxFiles   = 100
	defaultTouchEvery = 30 * time.Second
)

// uploads is the result of NewUploads.
type uploads struct {
	jail         *vfs.Jail
	catalog      catalog.Catalog
	cfg          UploadConfig
	intake       *intake
	cacheControl []string
	lingering    *Slots
	site         *page.Site // nil unless UploadConfig.Page is a full page
}

// NewUploads returns a handler that stores the files of clients under generated names, and
// serves them under these names:
//
//	POST /             the files of a multipart/form-data body, or a raw body with
//	                   "Content-Disposition: attachment; filename=…": 201, Location
//	                   of a single one, and {"files":[…]}; an HTML page for a form
//	                   whose Accept prefers text/html
//	GET, HEAD /ID      the content, with the user's filename
//	GET, HEAD /ID?meta the record of the file, as JSON
//	GET, HEAD /?mine   the caller's own files that the caller may read, as JSON, the
//	                   newest first; the 404 for callers without a name
//	DELETE /ID         204
//	POST /             with action=delete and name=ID as
//	                   application/x-www-form-urlencoded: the same, for forms;
//	                   with a full page, GET /?delete=ID shows one
//
// An ID is a lower-case UUID of version 4. Everything else is the uniform 404. The user's
// filename is never part of a name, path or key.
//
// The jail's policy must be [catalog.Policy], and its backend writable. To mount the handler
// below a prefix, use http.StripPrefix or gorilla.Mount: the Location of a new object is the
// path of the POST, as it was sent, and the ID.
//
// A request stores all of its files or none, and none is visible before all are stored. If
// the server crashes while it makes them visible, some may remain although the client got no
// response.
//
// Objects are served as [ContentUntrusted]. The handler is safe for concurrent use. It does
// not clean up after a crash: package catalog/reconcile does.
//
// NewUploads panics if jail or cat is nil; if the jail refuses generated names, is read-only
// or has an Authorizer; if a number is negative; or if Auth accepts credentials or links and
// Authorize is nil.
func NewUploads(jail *vfs.Jail, cat catalog.Catalog, cfg UploadConfig) http.Handler {
	checkUploads(jail, cat, &cfg)
	cfg.Auth = cfg.Auth.withClock()
	if cfg.MaxFiles == 0 {
		cfg.MaxFiles = defaultMaxFiles
	}
	in := newIntake(cfg.Intake)
	if cfg.MaxRequestBytes == 0 {
		cfg.MaxRequestBytes = in.formBytes()
	}
	if cfg.Authorize == nil {
		cfg.Authorize = OwnersDelete()
	}
	if cfg.TouchEvery == 0 {
		cfg.TouchEvery = defaultTouchEvery
	}
	if cfg.NewID == nil {
		cfg.NewID = uuid.NewRandom
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &uploads{jail: jail, catalog: cat, cfg: cfg, intake: in, cacheControl: cacheControl(cfg.MaxAge), lingering: NewSlots(lingerSlots),
		site: configCheck{"NewUploads"}.site(&cfg.Page)}
}

func checkUploads(jail *vfs.Jail, cat catalog.Catalog, cfg *UploadConfig) {
	c := configCheck{"NewUploads"}
	c.jail(jail)
	switch {
	case cat == nil:
		c.panicf("the catalog is nil; open one with catalog/sqlite or catalog/postgres")
	case jail.Authorizer() != nil:
		c.panicf("the jail has an Authorizer, which would know no owners; set UploadConfig.Authorize in its place, such as UploadRules(list)")
	case !jail.Explain(context.Background(), vfs.OpUpload, exampleName).Allowed:
		c.panicf("the jail refuses the names that the server makes; its policy must be catalog.Policy()")
	}
	c.writable("", jail)
	c.auth(&cfg.Auth, cfg.Authorize != nil, "UploadConfig.Authorize, such as UploadRules(list) or OwnersDelete()")
	c.intake(&cfg.Intake)
	c.whole("UploadConfig.MaxFiles", int64(cfg.MaxFiles))
	c.whole("UploadConfig.MaxRequestBytes", cfg.MaxRequestBytes)
	c.duration("UploadConfig.MaxAge", cfg.MaxAge)
	c.duration("UploadConfig.TouchEvery", cfg.TouchEvery)
	c.whole("UploadConfig.MinRate", cfg.MinRate)
}

func (h *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := begin(w, r, h.jail, h.cfg.Recorder, h.cfg.Logger)
	defer x.end()
	x.pace, x.lingering, x.site = pace(h.cfg.MinRate), h.lingering, h.site

	if x.sendAsset(h.site) {
		return
	}
	x.form = isBrowserForm(r)
	itself := isMount(r, h.cfg.Mounted)
	op := opOf(r.Method)
	if kind, _ := formOf(r); r.Method == http.MethodPost && kind == formFields {
		op = vfs.OpDelete
	}
	if !x.takeUploadMethod(itself) || !x.authenticate(&h.cfg.Auth, op, h.cfg.Authorize) {
		return
	}
	name, isDir, err := requestName(r)
	if itself {
		name, isDir, err = vfs.Root, true, nil
	}
	x.attempt.Name = name
	if r.Method == http.MethodPost {
		x.grant(auth.Grant{Op: x.op, NewName: true})
	} else {
		x.grant(auth.Grant{Op: x.op, Name: name})
	}
	// A form on another site can post here, and the browser would send the user's
	// credentials. Such a request gets the 404.
	if err == nil && crossOrigin.Check(r) != nil {
		err = refusal(name.String(), audit.ReasonCrossOrigin)
	}
	switch {
	case err != nil:
		x.fail(err, nil)
	case itself && r.Method != http.MethodDelete:
		h.serveMount(x)
	case r.Method == http.MethodPost && op == vfs.OpDelete:
		h.postAction(x)
	case r.Method == http.MethodPost:
		h.post(x)
	case isDir && name.IsRoot() && isMine(r):
		h.mine(x)
	case isDir && name.IsRoot() && h.site != nil && asksToDelete(r):
		h.askToDelete(x)
	case isDir && name.IsRoot() && h.site != nil && r.Method != http.MethodDelete:
		h.top(x)
	case isDir:
		x.fail(refusal(name.String(), reason.NameSlash), nil)
	default:
		h.serve(x, name)
	}
}

// serveMount answers the path at which the handler is mounted, without a slash. A caller who
// may not upload gets the response to the path with a slash.
func (h *uploads) serveMount(x *exchange) {
	err := h.mayUpload(x)
	if err == nil && x.link.ID != "" {
		// The redirect would lose the link.
		err = refusal("", reason.Directory)
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.redirectDir(h.cfg.Mounted, privateNoStore)
}
