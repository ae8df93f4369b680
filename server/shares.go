package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ShareConfig configures shares: what can be shared, which users can share it, and where shares
// are stored. Store, Find and Issuer must be set.
type ShareConfig struct {
	// Store keeps the shares. Handlers of one Store, such as those before and after a reload,
	// share a Cache, so that what is revoked through one of them is gone from all. nil is a Cache
	// for this handler alone.
	Store catalog.Shares
	Cache *ShareCache

	// Mounts are what the server serves, and Find returns the index of the mount that
	// serves a URL on a host, with the URL below the mount's path; -1 for none.
	Mounts []ShareMount
	Find   func(host string, u *url.URL) (mount int, below *url.URL)

	// Issuer returns the principal called name as it is now, the source that vouches for it,
	// such as "oidc", and false if there is none (anymore). The access rules judge each request
	// of a share for this principal, so it must not have groups or claims that nobody has
	// confirmed since. A share ends if its issuer's name no longer comes from the source that
	// it came from when the share was made.
	Issuer func(name string) (p auth.Principal, source string, ok bool)

	// MaxAge is the longest time for which a share can be made; 0 is 30 days. Most is the
	// number of shares that each principal may have; 0 is 1,000.
	MaxAge time.Duration
	Most   int

	// MaxReceived is how many bytes each file request takes in all; 0 is 10 GiB. Without a
	// number of uses, it takes 1,000 files.
	MaxReceived int64

	// Auth authenticates the users who make, list and revoke shares. Signed links are not
	// accepted. Its Clock decides whether a share has expired.
	Auth Auth

	// Hashes makes and checks the hashes of passwords, as htpasswd.NewHashes does. nil
	// refuses shares with a password.
	Hashes ShareHashes

	// Guesses limits unknown tokens, and Passwords wrong passwords of shares, by the address
	// of the client. nil is [ShareGuesses] and the default of auth.NewFailures. Neither should
	// count logins: whoever has a link could use them up for the users behind the same address.
	Guesses, Passwords *auth.Failures

	// Title and Color are those of [Page], for the pages on which users see and make shares.
	Title, Color string

	// MinRate, Recorder and Logger are those of [Config].
	MinRate  int64
	Recorder audit.Recorder
	Logger   *slog.Logger
}

// ShareGuesses is the usual limit of unknown tokens from one client: a hundred, refilled by one
// a second. Beyond it, they get 429 instead of 404, and are looked up one at a time. A link that
// exists still works, and guessing one of 2^128 tokens takes forever.
var ShareGuesses = auth.FailureLimits{Burst: 100, Every: time.Second}

// ShareHashes makes and checks the hashes of passwords of shares. It is called concurrently,
// and bounds its own work. See htpasswd.Hashes.
type ShareHashes interface {
	// Hash returns the hash of a password. An error that matches auth.ErrUnavailable may
	// be temporary; any other one says that the password is not acceptable.
	Hash(ctx context.Context, password string) (hash string, err error)

	// Check returns nil if password has the hash. The error matches auth.ErrCredentials if
	// it has not.
	Check(ctx context.Context, hash, password string) error
}

// A ShareMount is a mount whose names can be shared.
type ShareMount struct {
	Host string // the host that it is for, "" for all
	Path string // the path that it is at, without a slash at its end; "" is the top
	// Jail is the mount's own, with the Authorizer of its access rules.
	Jail *vfs.Jail
	// Config says how objects are served, as for the mount itself. Of a share, only List,
	// Archive, Page, Index, NoIndex, Content, Inline, Sidecars and, with Write, Intake and
	// Fallback count. The Slots of Intake should be others than for the mount, so that whoever
	// has the link of a file request cannot take those of users. One client can have half of
	// them at a time.
	Config Config
	// Beside is how other mounts serve the same objects, at whatever path. File requests
	// create no names that this mount or one of those serves in place of others: index files,
	// fallbacks, and sidecars. If the content is trusted in this mount or one of those, there
	// are no file requests.
	Beside []Config
}

// The paths of the handler of [NewShares] on every host.
const (
	SharesPath = page.SharesPath          // with what lies below it: the shares of users
	SharesLink = "/" + OwnElement + "/s/" // what begins with it: what is shared
)

const (
	defaultShareAge = 30 * 24 * time.Hour
	defaultMost     = 1000
	defaultReceived = 10 << 30
	hashSlots       = 64 // passwords of new shares that wait for their hash
	hashesPerClient = 2  // of them, so that other shares' passwords wait for seconds only
)

// shares is the result of NewShares.
type shares struct {
	cfg       ShareConfig
	mounts    []sharedMount
	lingering *Slots
	hashing   *Slots     // of passwords for new shares
	site      *page.Site // of the pages for users
}

// A sharedMount is a mount as shares see it.
type sharedMount struct {
	ShareMount
	jail    *vfs.Jail // with the Authorizer of access.Shared
	handler *handler  // over that jail
	intake  *intake   // of file requests; nil if the mount cannot be written to
	inPlace inPlace   // what file requests do not create
	trusted bool      // some mount serves what is stored here as ContentTrusted
}

// NewShares returns the handler of shares:
//
//	POST /.bailiwick/shares           makes a share: 201 and {"id","url","expires"}
//	GET /.bailiwick/shares            the caller's own; for browsers a page, with ?path= a form
//	DELETE /.bailiwick/shares/ID      revokes one: 204
//	POST /.bailiwick/shares/ID        the same, for forms
//	/.bailiwick/s/TOKEN/…             what is shared
//
// It must get these paths as clients sent them, without a prefix stripped. A share has no
// rights of its own: for each name, the Authorizer of its mount is asked whether the issuer, as
// it is at that moment, may perform the operation, and whether it may share the name.
// Everything that a share does not open is the uniform 404.
//
// NewShares panics if cfg makes no sense: a field that must be set is not, a jail is nil or
// has no Authorizer, Auth has both Unauthorized and SignIn, or a number is negative.
func NewShares(cfg ShareConfig) http.Handler { return newShares(cfg) }

// ShareStates returns a function that tells operators why the link of a share opens nothing
// now: the reason with which its requests are recorded, or "" if it opens what there is at its
// path. It decides as the handler of NewShares does, but asks neither the store nor a backend,
// so it does not know whether there is an object. ShareStates panics as NewShares does.
func ShareStates(cfg ShareConfig) func(context.Context, catalog.Share) vfs.Reason {
	h := newShares(cfg)
	return func(ctx context.Context, s catalog.Share) vfs.Reason {
		_, err := h.judge(ctx, s.Host, s)
		return vfs.ReasonOf(err)
	}
}

func newShares(cfg ShareConfig) *shares {
	cfg.Auth.Links, cfg.Auth.Uses, cfg.Auth.Redirect = nil, nil, 0
	checkShares(&cfg)
	cfg.Auth = cfg.Auth.withClock()
	if cfg.MaxAge == 0 {
		cfg.MaxAge = defaultShareAge
	}
	if cfg.Most == 0 {
		cfg.Most = defaultMost
	}
	if cfg.MaxReceived == 0 {
		cfg.MaxReceived = defaultReceived
	}
	if cfg.Cache == nil {
		cfg.Cache = new(ShareCache)
	}
	if cfg.Guesses == nil {
		cfg.Guesses = auth.NewFailures(ShareGuesses)
	}
	if cfg.Passwords == nil {
		cfg.Passwords = auth.NewFailures(auth.FailureLimits{})
	}
	h := &shares{
		cfg:       cfg,
		lingering: NewSlots(lingerSlots),
		hashing:   NewSlots(hashSlots),
		site:      configCheck{"NewShares"}.site(&Page{Mode: PageFull, Title: cfg.Title, Color: cfg.Color}),
	}
	for _, m := range cfg.Mounts {
		h.mounts = append(h.mounts, newSharedMount(m, &cfg))
	}
	return h
}

func newSharedMount(m ShareMount, cfg *ShareConfig) sharedMount {
	jail := m.Jail.WithAuthorizer(access.Shared(m.Jail.Authorizer()))
	m.Config.Page.Shares = false // a share cannot be shared
	content := ContentTrusted
	if m.Config.untrusted() {
		content = ContentUntrusted
	}
	s := sharedMount{ShareMount: m, jail: jail, handler: New(jail, Config{
		List: m.Config.List, Index: m.Config.Index, NoIndex: m.Config.NoIndex,
		Page: m.Config.Page, Content: content, Inline: m.Config.Inline, Sidecars: m.Config.Sidecars,
		Archive: m.Config.Archive,
		MinRate: cfg.MinRate, Recorder: cfg.Recorder, Logger: cfg.Logger,
	}).(*handler)}
	s.handler.shared = true
	if m.Config.Write {
		s.intake = newIntake(m.Config.Intake)
		// Anybody may have the link, and take an hour to send a file.
		s.intake.perClient = (s.intake.perClient + 1) / 2
		serving := []*Config{&m.Config}
		for i := range m.Beside {
			serving = append(serving, &m.Beside[i])
		}
		s.inPlace = inPlaceOf(serving...)
		s.trusted = slices.ContainsFunc(serving, func(cfg *Config) bool { return !cfg.untrusted() })
	}
	return s
}

func checkShares(cfg *ShareConfig) {
	c := configCheck{"NewShares"}
	switch {
	case cfg.Store == nil:
		c.panicf("Store is nil; open one with catalog/sqlite or catalog/postgres")
	case cfg.Find == nil:
		c.panicf("Find is nil, so no path could be shared")
	case cfg.Issuer == nil:
		c.panicf("Issuer is nil, so nobody would know who may still share")
	}
	for _, m := range cfg.Mounts {
		c.jail(m.Jail)
		if m.Jail.Authorizer() == nil {
			c.panicf("the jail of the mount %q has no Authorizer, so everybody could share; set vfs.Policy.Authorize to access rules, or to access.Anyone()", m.Path)
		}
		if m.Config.Write {
			c.writable(fmt.Sprintf("Write is set for the mount %q, but ", m.Path), m.Jail)
			c.intake(&m.Config.Intake)
		}
	}
	c.auth(&cfg.Auth, true, "")
	c.duration("MaxAge", cfg.MaxAge)
	c.whole("Most", int64(cfg.Most))
	c.whole("MaxReceived", cfg.MaxReceived)
	c.whole("MinRate", cfg.MinRate)
}

func (h *shares) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, SharesLink) {
		w.Header()["Referrer-Policy"] = noReferrer
	}
	if token, at, below, ok := shareLink(r.URL); ok && !hostless(r.RequestURI) {
		h.serveLink(w, r, token, at, below)
		return
	}
	x := h.begin(w, r)
	defer x.end()
	h.manage(x)
}

func (h *shares) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := begin(w, r, nil, h.cfg.Recorder, h.cfg.Logger)
	x.pace, x.lingering = pace(h.cfg.MinRate), h.lingering
	return x
}

// find returns the mount for a path on a host, and the name of the path in it.
func (h *shares) find(host, path string) (m *sharedMount, name vfs.Name, ok bool) {
	i, below := h.cfg.Find(host, &url.URL{Path: path})
	if i < 0 || i >= len(h.mounts) || below == nil || below.RawPath != "" {
		return nil, vfs.Name{}, false
	}
	m = &h.mounts[i]
	switch {
	case below.Path == "" || below.Path == "/":
		return m, vfs.Root, true
	case below.Path[0] != '/':
		return nil, vfs.Name{}, false
	}
	name, err := vfs.ParseName(below.Path[1:])
	return m, name, err == nil
}

// now returns the time by which shares expire. It never goes back.
func (h *shares) now(ctx context.Context) time.Time {
	return h.cfg.Auth.Clock.Now(ctx, time.Now())
}
