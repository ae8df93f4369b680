package daemon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// shares are what a generation needs to serve shares.
type shares struct {
	store   catalog.Shares
	recent  *server.ShareCache // of the store
	handler http.Handler
}

// A shareState is what shares need that survives a reload: otherwise each reload would give
// attackers a fresh start.
type shareState struct {
	guesses *auth.Failures
	hashes  *htpasswd.Hashes
}

// addShares opens the catalog of shares of g, if there is one.
func (s *service) addShares(ctx context.Context, g *generation) error {
	if g.cfg.Shares == nil {
		return nil
	}
	address, err := g.cfg.SharesCatalog()
	if err != nil {
		return err
	}
	r, err := s.pool.shares(ctx, address.DSN())
	if err != nil {
		return withPosition(g.cfg, "shares.catalog", err)
	}
	g.held = append(g.held, r)
	g.shares = &shares{store: r.shared.(catalog.Shares), recent: r.recent}
	if s.shareState.hashes == nil {
		s.shareState = shareState{auth.NewFailures(server.ShareGuesses), htpasswd.NewHashes()}
	}
	return nil
}

// serveShares makes the handler of shares of g.
func (s *service) serveShares(g *generation, recorder audit.Recorder) {
	if g.shares == nil {
		return
	}
	rt := routing.New(g.cfg.Mounts)
	gate := s.gate(g, rt, nil)
	gate.Links, gate.Uses, gate.HasURL, gate.Clock = nil, nil, nil, &s.linkClock
	cfg := shareConfig(g.cfg, rt, g.mounts, g.auth.names)
	for i := range cfg.Mounts {
		served := &cfg.Mounts[i].Config
		served.Archive.Slots = s.archives.of(g.cfg.Limits.Archives)
		served.Intake.Slots = s.requested.of((g.cfg.Limits.Uploads + 1) / 2)
	}
	cfg.Store, cfg.Cache, cfg.Auth = g.shares.store, g.shares.recent, gate
	cfg.Recorder, cfg.Logger = recorder, s.logger
	cfg.Hashes, cfg.Guesses, cfg.Passwords = s.shareState.hashes, s.shareState.guesses, g.auth.failures.shares
	cfg.Title, cfg.Color = ownLook(g.cfg)
	g.shares.handler = server.NewShares(cfg)
}

// shareConfig returns the part of the configuration of shares that says what they open: the
// mounts, to which rt leads, and the users.
func shareConfig(cfg *config.Config, rt *routing.Router, mounts []*mount, names []string) server.ShareConfig {
	c := server.ShareConfig{
		Issuer:      func(name string) (auth.Principal, string, bool) { return issuer(&cfg.Users, names, name) },
		MaxAge:      time.Duration(cfg.Shares.MaxAge),
		MaxReceived: int64(cfg.Shares.MaxReceived),
		MinRate:     int64(cfg.Limits.MinimumRate),
	}
	at := map[mountFor]int{}
	for _, m := range mounts {
		if m.cfg.Uploads != nil {
			continue // a caller who may read an upload has its link
		}
		sm := server.ShareMount{
			Host: string(m.cfg.Host), Path: strings.TrimSuffix(string(m.cfg.Path), "/"),
			Jail: m.jail, Config: m.serverConfig(cfg), Beside: readersOf(cfg, mounts, m.cfg),
		}
		at[mountFor{m.cfg, ""}] = len(c.Mounts)
		c.Mounts = append(c.Mounts, sm)
		for host, jail := range m.forHost {
			sm.Jail = jail
			at[mountFor{m.cfg, host}] = len(c.Mounts)
			c.Mounts = append(c.Mounts, sm)
		}
	}
	c.Find = func(host string, u *url.URL) (int, *url.URL) {
		found, below := rt.Find(host, u)
		if found == nil {
			return -1, nil
		}
		i, ok := at[mountFor{found.Mount, routing.HostOf(host)}]
		if !ok {
			i, ok = at[mountFor{found.Mount, ""}]
		}
		if !ok {
			return -1, nil
		}
		return i, below
	}
	return c
}

// readersOf returns how the other mounts serve what clients store through m.
func readersOf(cfg *config.Config, mounts []*mount, m *config.Mount) (beside []server.Config) {
	for _, r := range mounts {
		if r.cfg.Uploads == nil && slices.Contains(m.Readers(), r.cfg) {
			beside = append(beside, r.serverConfig(cfg))
		}
	}
	return beside
}

// ShareStates returns server.ShareStates of a server with the configuration cfg, which has
// shares. It opens no source.
func ShareStates(std cli.Streams, cfg *config.Config, store catalog.Shares) (func(context.Context, catalog.Share) vfs.Reason, error) {
	var mounts []*mount
	for i := range cfg.Mounts {
		m, policy, err := compileMount(cfg, &cfg.Mounts[i], "")
		if err != nil {
			return nil, std.ConfigError(err)
		}
		if m.jail, err = vfs.New(mem.New(), policy); err != nil {
			return nil, cli.Usagef("%s", cli.OneLine(err))
		}
		mounts = append(mounts, m)
	}
	names, err := userNames(&cfg.Users)
	if err != nil {
		return nil, cli.Usagef("%s", cli.OneLine(err))
	}
	c := shareConfig(cfg, routing.New(cfg.Mounts), mounts, names)
	c.Store = store
	return server.ShareStates(c), nil
}

// userNames returns the names in the files of users, sorted.
func userNames(u *config.Users) ([]string, error) {
	var ofPasswords, ofTokens []string
	if file := string(u.Htpasswd); file != "" {
		users, err := htpasswd.Load(file, htpasswd.Options{OtherSuffixes: u.Suffixes()})
		if err != nil {
			return nil, err
		}
		ofPasswords = users.Names()
	}
	if file := string(u.Tokens); file != "" {
		list, err := tokens.Load(file, tokens.Options{OtherSuffixes: u.Suffixes()})
		if err != nil {
			return nil, err
		}
		ofTokens = list.Names()
	}
	return joinNames(ofPasswords, ofTokens), nil
}

// issuer returns the user called name as users has it now, with the names in its files: without
// groups and claims that only a token could confirm, and the source of that name. Users of a file exist
// as long as the file has them; those of a provider or of certificates, as long as that is
// configured.
func issuer(users *config.Users, names []string, name string) (p auth.Principal, source string, ok bool) {
	p = auth.Principal{Name: name}
	for _, other := range []struct {
		source, suffix string
		known          bool
	}{
		{"oidc", users.OIDCSuffix(), users.OIDC != nil},
		{"certificate", users.CertificateSuffix(), users.ClientCertificates != nil},
	} {
		if other.known && other.suffix != "" && strings.HasSuffix(name, "@"+other.suffix) {
			return p, other.source, true
		}
	}
	if users.Htpasswd != "" || users.Tokens != "" {
		_, ok := slices.BinarySearch(names, name)
		return p, "file", ok
	}
	switch {
	case users.OIDC != nil && users.OIDCSuffix() == "":
		return p, "oidc", true
	case users.ClientCertificates != nil && users.CertificateSuffix() == "":
		return p, "certificate", true
	}
	return auth.Principal{}, "", false
}
