package main

import (
	"slices"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
)

// people are those whom a configuration knows, and how they prove who they are.
type people struct {
	chain     *auth.Chain // nil if there are no credentials
	authority *certs.Authority
	provider  *oidc.Provider
	links     *links.Keys
	local     []string // the names in the files of users, sorted

	failures     *auth.Failures
	failureLimit config.Rate
}

// newPeople reads the files of users and keys.
func (s *service) newPeople(cfg *config.Config) (*people, error) {
	p := &people{failures: s.failuresFor(cfg.Limits.FailedLogins), failureLimit: cfg.Limits.FailedLogins}
	// Failures are counted by RemoteAddr, where limits have put the client's address in
	// the place of a trusted proxy's.
	chain := auth.ChainConfig{Failures: p.failures, SignedSuffix: cfg.Users.OIDCSuffix(), CertificatesSuffix: cfg.Users.CertificateSuffix()}
	known := false
	if file := cfg.Users.Htpasswd; file != "" {
		users, err := htpasswd.Load(string(file), htpasswd.Options{Told: s.metrics.Passwords(), OtherSuffixes: cfg.Users.Suffixes()})
		if err != nil {
			return nil, err
		}
		chain.Passwords, known = users, true
		p.local = append(p.local, users.Names()...)
	}
	if file := cfg.Users.Tokens; file != "" {
		list, err := tokens.Load(string(file), tokens.Options{OtherSuffixes: cfg.Users.Suffixes()})
		if err != nil {
			return nil, err
		}
		chain.Tokens, known = list, true
		p.local = append(p.local, list.Names()...)
	}
	slices.Sort(p.local)
	p.local = slices.Compact(p.local)
	if o := cfg.Users.OIDC; o != nil {
		provider, err := oidc.New(oidc.Config{
			Issuer: string(o.Issuer), Audience: o.Audience, UserClaim: o.UserClaim, GroupsClaim: o.GroupsClaim,
			Previous: s.provider(),
			Report:   func(err error) { s.logger.Error("the OpenID Connect provider cannot be asked", "error", err) },
		})
		if err != nil {
			return nil, cli.Usagef("users.oidc: %s", cli.OneLine(err))
		}
		chain.Signed, p.provider, known = provider, provider, true
	}
	if c := cfg.Users.ClientCertificates; c != nil {
		authority, err := certs.Load(string(c.CA), certs.Options{})
		if err != nil {
			return nil, err
		}
		chain.Certificates, p.authority, known = authority, authority, true
	}
	if known {
		p.chain = auth.NewChain(chain)
	}
	if cfg.Links != nil {
		keys, err := links.LoadKeys(string(cfg.Links.Keys))
		if err != nil {
			return nil, err
		}
		p.links = keys
	}
	return p, nil
}

// authenticator returns the chain, or nil and not a nil chain.
func (p *people) authenticator() auth.Authenticator {
	if p.chain == nil {
		return nil
	}
	return p.chain
}

// provider returns the current provider of OpenID Connect, whose keys a reload keeps.
func (s *service) provider() *oidc.Provider {
	if t := s.current.Load(); t != nil {
		return t.who.provider
	}
	return nil
}

// failuresFor returns the counts of failed log-ins. They outlive a reload that leaves
// their limit as it was: else whoever guesses passwords would wait for one.
func (s *service) failuresFor(limit config.Rate) *auth.Failures {
	if t := s.current.Load(); t != nil && t.who.failureLimit == limit {
		return t.who.failures
	}
	limits := auth.FailureLimits{}
	if limit.Count > 0 {
		limits.Burst, limits.Every = limit.Count, limit.Per/time.Duration(limit.Count)
	} else {
		limits.Burst = 1 << 30
	}
	return auth.NewFailures(limits)
}
