package daemon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
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
	cfg := server.ShareConfig{
		Store: g.shares.store, Cache: g.shares.recent,
		Issuer: g.issuer,
		MaxAge: time.Duration(g.cfg.Shares.MaxAge),
		Auth:   gate, Hashes: s.shareState.hashes, Guesses: s.shareState.guesses, Passwords: g.auth.failures,
		MinRate:  int64(g.cfg.Limits.MinimumRate),
		Recorder: recorder, Logger: s.logger,
	}
	cfg.Title, cfg.Color = ownLook(g.cfg)
	at := map[*config.Mount]int{}
	for _, m := range g.mounts {
		if m.cfg.Uploads != nil {
			continue // a caller who may read an upload has its link
		}
		at[m.cfg] = len(cfg.Mounts)
		served := m.serverConfig(g.cfg)
		served.Archive.Slots = s.archives.of(g.cfg.Limits.Archives)
		served.Intake.Slots = s.arriving.of(g.cfg.Limits.Uploads)
		cfg.Mounts = append(cfg.Mounts, server.ShareMount{
			Host: string(m.cfg.Host), Path: strings.TrimSuffix(string(m.cfg.Path), "/"), Jail: m.jail, Config: served, Beside: g.readersOf(m.cfg),
		})
	}
	cfg.Find = func(host string, u *url.URL) (int, *url.URL) {
		found, below := rt.Find(host, u)
		if found == nil {
			return -1, nil
		}
		i, ok := at[found.Mount]
		if !ok {
			return -1, nil
		}
		return i, below
	}
	g.shares.handler = server.NewShares(cfg)
}

// readersOf returns how the other mounts serve what clients store through m.
func (g *generation) readersOf(m *config.Mount) (beside []server.Config) {
	for _, r := range g.mounts {
		if r.cfg.Uploads == nil && slices.Contains(m.Readers(), r.cfg) {
			beside = append(beside, r.serverConfig(g.cfg))
		}
	}
	return beside
}

// issuer returns the user called name as the configuration has it now, without groups and
// claims that only a token could confirm, and the source of that name. Users of a file exist
// as long as the file has them; those of a provider or of certificates, as long as that is
// configured.
func (g *generation) issuer(name string) (p auth.Principal, source string, ok bool) {
	users := &g.cfg.Users
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
		_, ok := slices.BinarySearch(g.auth.names, name)
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
