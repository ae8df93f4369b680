package daemon

import (
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
	"github.com/bailiwick-fs/bailiwick/server/signin"
)

// An authConfig is how a configuration authenticates requests: its users, providers,
// certificate authorities and keys of links.
type authConfig struct {
	chain     *auth.Chain // nil if there are no credentials
	authority *certs.Authority
	provider  *oidc.Provider
	links     *links.Keys

	// nil without sessions, and client also without signing in at the provider
	sessions    *session.Sessions
	sessionKeys *session.Keys
	signIn      *signin.Pages
	client      *oidc.Client

	names []string // the names in the files of users, sorted

	failures failures
}

// failures are the counts of wrong credentials, each with the same limit. A reload that leaves
// the limit unchanged keeps them; otherwise each reload would give attackers a fresh start.
type failures struct {
	logins *auth.Failures
	shares *auth.Failures // of their passwords, which strangers may try, and must not close logins
	limit  config.Rate
}

// newAuthConfig reads the files of users and keys.
func (s *service) newAuthConfig(cfg *config.Config) (*authConfig, error) {
	c := &authConfig{failures: s.failuresFor(cfg.Limits.FailedLogins)}
	// Failures are counted by RemoteAddr, in which server.Limit has replaced the address of a
	// trusted proxy by the client's.
	chain := auth.ChainConfig{Failures: c.failures.logins, SignedSuffix: cfg.Users.OIDCSuffix(), CertificatesSuffix: cfg.Users.CertificateSuffix()}
	known := false
	var users *htpasswd.Users
	if file := cfg.Users.Htpasswd; file != "" {
		var err error
		if users, err = htpasswd.Load(string(file), htpasswd.Options{OnCheck: s.metrics.Passwords(), OtherSuffixes: cfg.Users.Suffixes()}); err != nil {
			return nil, err
		}
		chain.Passwords, known = users, true
		c.names = users.Names()
	}
	if file := cfg.Users.Tokens; file != "" {
		list, err := tokens.Load(string(file), tokens.Options{OtherSuffixes: cfg.Users.Suffixes()})
		if err != nil {
			return nil, err
		}
		chain.Tokens, known = list, true
		c.names = joinNames(c.names, list.Names())
	}
	if o := cfg.Users.OIDC; o != nil {
		provider, err := oidc.New(oidc.Config{
			Issuer: string(o.Issuer), Audience: o.Audience, UserClaim: o.UserClaim, GroupsClaim: o.GroupsClaim,
			Previous: s.provider(),
			Report:   func(err error) { s.logger.Error("cannot reach the OpenID Connect provider", "error", err) },
		})
		if err != nil {
			return nil, cli.Usagef("users.oidc: %s", cli.OneLine(err))
		}
		chain.Signed, c.provider, known = provider, provider, true
	}
	if cert := cfg.Users.ClientCertificates; cert != nil {
		authority, err := certs.Load(string(cert.CA), certs.Options{})
		if err != nil {
			return nil, err
		}
		chain.Certificates, c.authority, known = authority, authority, true
	}
	if known {
		c.chain = auth.NewChain(chain)
	}
	if cfg.Users.Sessions != nil {
		if err := s.addSessions(c, cfg, users); err != nil {
			return nil, err
		}
	}
	if cfg.Links != nil {
		keys, err := links.LoadKeys(string(cfg.Links.Keys))
		if err != nil {
			return nil, err
		}
		c.links = keys
	}
	return c, nil
}

// authenticator returns what authenticates requests, a nil interface if nothing does. Sessions
// are around the Authenticator that is counted, which knows no cookies.
func (s *service) authenticator(c *authConfig) auth.Authenticator {
	switch {
	case c.sessions != nil:
		return c.sessions
	case c.chain == nil:
		return nil
	}
	return s.metrics.Authenticator(c.chain)
}

// provider returns the current OpenID Connect provider. A reload keeps its keys.
func (s *service) provider() *oidc.Provider {
	if g := s.current.Load(); g != nil {
		return g.auth.provider
	}
	return nil
}

// failuresFor returns the counts for a limit: those of the current generation, or new ones.
func (s *service) failuresFor(limit config.Rate) failures {
	if g := s.current.Load(); g != nil && g.auth.failures.limit == limit {
		return g.auth.failures
	}
	limits := auth.FailureLimits{}
	if limit.Count > 0 {
		limits.Burst, limits.Every = limit.Count, limit.Per/time.Duration(limit.Count)
	} else {
		limits.Burst = 1 << 30
	}
	return failures{auth.NewFailures(limits), auth.NewFailures(limits), limit}
}
