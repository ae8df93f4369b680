package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Config says how a jail is served. The zero Config serves objects and index
// files, lists nothing, and records nothing.
type Config struct {
	// Mounted is the path that the handler is mounted at, if it answers for that path
	// without its slash, too: a request whose path is empty is then one for a directory
	// of that name. The zero Name refuses such a request.
	Mounted vfs.Name

	// List answers a directory that has no index file with its entries, as HTML
	// or JSON. Without it, directories cannot be told from missing names.
	List bool

	// NoIndex stops a directory from being answered with its index.html.
	NoIndex bool

	// MaxAge is how long a client may use an object without asking again, in
	// whole seconds; 0 makes it ask each time, which an ETag makes cheap.
	MaxAge time.Duration

	// Write lets clients create, replace and delete objects by PUT and DELETE, as
	// far as the jail's policy lets them. The backend has to be writable.
	Write bool

	// Intake says which bodies are taken in where clients can write.
	Intake Intake

	// Content says whose the objects are.
	Content Content

	// Inline are further types that a browser may show of untrusted content, besides
	// raster images, audio, video and plain text. They stay sandboxed. The zero Types
	// are none, here.
	Inline Types

	// Sidecars lets name.br, name.zst and name.gz stand in for name where the
	// client takes that encoding. A sidecar must be allowed by the policy under
	// its own name, and not be older than what it stands for.
	Sidecars bool

	// Auth authenticates requests. The jail's Authorizer authorizes them.
	Auth Auth

	// MinRate is how many bytes a second a client has to take of a body, on
	// average over half a minute; 0 lets it take its time. Without it, clients that
	// read next to nothing keep connections and open files for as long as they like.
	MinRate int64

	// Recorder gets a record of every request, refused ones included; nil for
	// none. See [audit.NewLog].
	Recorder audit.Recorder

	// Logger gets what went wrong in the backend or the handler, for operators:
	// its texts may hold paths. nil is slog.Default().
	Logger *slog.Logger
}

// Content says how far the objects of a jail are trusted.
type Content uint8

const (
	// ContentAuto is ContentUntrusted where clients can write, else ContentTrusted.
	ContentAuto Content = iota
	// ContentTrusted is the operator's own: a page is shown as a page.
	ContentTrusted
	// ContentUntrusted is other people's: all but raster images, audio, video
	// and plain text is an attachment, and whatever a browser shows of it is
	// sandboxed. Without that, an uploaded page would run as this site's.
	ContentUntrusted
)

// New returns a handler that serves jail. It reads the whole path of a request,
// so below a prefix put http.StripPrefix or gorilla.Mount before it. It is safe for
// concurrent use.
//
// New panics where it would serve something else than was meant: jail is nil; Write is
// set and the backend cannot write; Auth knows credentials or links and the jail has no
// Authorizer, so that they would protect nothing; Content has no such value; or a
// number is negative.
func New(jail *vfs.Jail, cfg Config) http.Handler {
	checkConfig(jail, &cfg)
	cfg.Auth = cfg.Auth.withClock()
	h := &handler{
		jail:         jail,
		opens:        openerOf(jail.Authorizer()),
		cfg:          cfg,
		allow:        allowReads,
		untrusted:    cfg.Content == ContentUntrusted || cfg.Content == ContentAuto && cfg.Write,
		cacheControl: cacheControl(cfg.MaxAge),
		objectVary:   varyOn(cfg.Sidecars, false),
		indexVary:    varyOn(cfg.Sidecars, cfg.List),
		lingering:    NewSlots(lingerSlots),
	}
	if cfg.Write {
		h.allow = allowWrites
		h.intake = newIntake(cfg.Intake)
	}
	return h
}

func checkConfig(jail *vfs.Jail, cfg *Config) {
	c := nonsense{"New"}
	c.jail(jail)
	c.auth(&cfg.Auth, jail.Authorizer() != nil, "vfs.Policy.Authorize to access rules, or to access.Anyone() where no credentials are needed")
	if cfg.Write && !jail.Caps().Writable {
		c.found("Config.Write is set, but the backend (%s) cannot be written to", jail.Caps().Kind)
	}
	c.content(cfg.Content)
	c.intake(&cfg.Intake)
	c.duration("Config.MaxAge", cfg.MaxAge)
	c.whole("Config.MinRate", cfg.MinRate)
}
