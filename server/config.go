package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Config says how a jail is served. The zero Config serves objects and index files; it does
// not list directories or record requests.
type Config struct {
	// Mounted is the path at which the handler is mounted, if it also receives requests
	// for that path without a slash: a request with an empty path is redirected to it.
	// The zero Name refuses such a request.
	Mounted vfs.Name

	// List serves listings, as HTML or JSON, for directories without an index file.
	// Without List, a directory looks like a missing name.
	List bool

	// Page says what browsers get for a listing.
	Page Page

	// Archive bounds the archives of directories, GET /dir/?zip, with List.
	Archive Archives

	// Index are the names of the objects that are served for their directory: the first
	// that exists. Each is a single element. nil is index.html. On S3, each costs a
	// request.
	Index []string

	// NoIndex does not serve an index file for its directory.
	NoIndex bool

	// Fallback is the object that answers, with 200, for names without an object, as a
	// single-page application needs it; the zero Name is none. It answers only for names
	// that the policy allows the caller to read and that one of FallbackFor matches (nil
	// is all of them); what is refused stays the 404. So a client can tell which names
	// the rules allow. For a path that ends in a slash it answers only without List.
	Fallback    vfs.Name
	FallbackFor []vfs.Pattern

	// NotFound is an HTML page, of at most 256 KiB, that GET and HEAD get with every 404
	// of this handler instead of a fixed text. It is one page for all of them, so it does
	// not tell refusals apart. It does reveal which paths belong to the handler, if those
	// around it send another 404.
	NotFound []byte

	// MaxAge is how long a client may use an object without revalidation, in whole
	// seconds; 0 makes it revalidate each time, which is cheap with an ETag.
	MaxAge time.Duration

	// Write enables PUT and DELETE, by which clients create, replace and delete objects
	// within the jail's policy, and COPY and MOVE (RFC 4918), for single objects of this
	// handler; and POST to a directory, for the forms of pages without scripts. The backend
	// has to be writable.
	Write bool

	// Intake says which request bodies are accepted, with Write.
	Intake Intake

	// Content says whether the objects are trusted.
	Content Content

	// Inline are the types of untrusted content that browsers may show, in addition to
	// raster images, audio, video and plain text. They stay sandboxed. Here, the zero Types
	// contains no type.
	Inline Types

	// Sidecars serves name.br, name.zst and name.gz for name, if the client accepts that
	// encoding. The policy must allow a sidecar by its own name. It must not be older than
	// the original, and where several backends form one tree, it must be in the same one.
	Sidecars bool

	// SidecarsBeside says that another handler serves the same objects with Sidecars.
	//
	// With one of them and Write, COPY and MOVE give the new object the time of the request,
	// as a PUT does. Otherwise it could be older than the sidecar of what had its name before,
	// and clients would get that.
	SidecarsBeside bool

	// Auth authenticates requests. The jail's Authorizer authorizes them.
	Auth Auth

	// MinRate is the rate, in bytes per second, at which a client must read a body,
	// averaged over about a minute; 0 is no limit. Without it, clients that read almost
	// nothing can hold connections and open files indefinitely.
	MinRate int64

	// Recorder receives a record of every request, including refused ones; nil for none.
	// See [audit.NewLog].
	Recorder audit.Recorder

	// Logger receives errors of the backend and the handler, for operators: its texts
	// may contain paths. nil is slog.Default().
	Logger *slog.Logger
}

// Content says whether the objects of a jail are trusted.
type Content uint8

const (
	// ContentAuto is ContentUntrusted if clients can write, else ContentTrusted.
	ContentAuto Content = iota
	// ContentTrusted is the operator's own content: a page is shown as a page.
	ContentTrusted
	// ContentUntrusted is content of other people: it is an attachment unless it is a
	// raster image, audio, video or plain text, and sandboxed where a browser shows it.
	// Otherwise scripts of an uploaded page would run with this site's rights.
	ContentUntrusted
)

// New returns a handler that serves jail. It uses the whole path of a request as the name;
// to mount it below a prefix, use http.StripPrefix or gorilla.Mount. It is safe for
// concurrent use.
//
// New panics if cfg makes no sense: jail is nil; Write is set and the backend is read-only;
// Auth accepts credentials or links and the jail has no Authorizer, so that they would
// protect nothing; Content is not one of the constants above; or a number is negative.
func New(jail *vfs.Jail, cfg Config) http.Handler {
	checkConfig(jail, &cfg)
	cfg.Auth = cfg.Auth.withClock()
	h := &handler{
		jail:         jail,
		opens:        openerOf(jail.Authorizer()),
		cfg:          cfg,
		allow:        allowReads,
		untrusted:    cfg.untrusted(),
		cacheControl: cacheControl(cfg.MaxAge),
		objectVary:   varyOn(cfg.Sidecars, false),
		indexVary:    varyOn(cfg.Sidecars, cfg.List),
		lingering:    NewSlots(lingerSlots),
		searches:     NewSlots(searchSlots),
		archives:     cfg.Archive.withDefaults(),
		indexes:      cfg.indexFiles(),
		site:         configCheck{"New"}.site(&cfg.Page),
	}
	if reserved := cfg.Page.Reserved(); reserved != nil {
		var err error
		if h.jail, err = jail.Without(reserved...); err != nil {
			panic("server.New: " + err.Error())
		}
	}
	if cfg.NotFound != nil {
		h.notFound = &refusalPage{cfg.NotFound, h.untrusted}
	}
	if cfg.FallbackFor != nil {
		h.fallbackFor = vfs.NewMatcher(cfg.FallbackFor)
	}
	if cfg.Write {
		h.allow = allowWrites
		h.intake = newIntake(cfg.Intake)
	}
	return h
}

// untrusted reports whether the objects are content of other people.
func (cfg *Config) untrusted() bool {
	return cfg.Content == ContentUntrusted || cfg.Content == ContentAuto && cfg.Write
}

// indexFiles returns the names of the objects that are served for their directory.
func (cfg *Config) indexFiles() []string {
	switch {
	case cfg.NoIndex:
		return nil
	case cfg.Index == nil:
		return defaultIndexes
	}
	return cfg.Index
}

func checkConfig(jail *vfs.Jail, cfg *Config) {
	c := configCheck{"New"}
	c.jail(jail)
	c.auth(&cfg.Auth, jail.Authorizer() != nil, "vfs.Policy.Authorize to access rules, or to access.Anyone() where no credentials are needed")
	if cfg.Write {
		c.writable("Config.Write is set, but ", jail)
	}
	c.content(cfg.Content)
	c.index(cfg.Index)
	if cfg.Fallback.IsZero() && cfg.FallbackFor != nil {
		c.panicf("Config.FallbackFor is set, but Config.Fallback is not")
	}
	if cfg.Fallback.IsRoot() {
		c.panicf("Config.Fallback is a directory; write the name of an object")
	}
	if len(cfg.NotFound) > maxNotFound {
		c.panicf("Config.NotFound has %d bytes; at most %d are allowed", len(cfg.NotFound), maxNotFound)
	}
	c.intake(&cfg.Intake)
	c.whole("Config.Archive.Entries", int64(cfg.Archive.Entries))
	c.slots("Config.Archive.Slots", cfg.Archive.Slots)
	c.duration("Config.MaxAge", cfg.MaxAge)
	c.whole("Config.MinRate", cfg.MinRate)
}
