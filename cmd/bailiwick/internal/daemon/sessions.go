package daemon

import (
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/signin"
)

// addSessions adds the sessions of a configuration. users are those of its file of passwords,
// nil if there is none.
func (s *service) addSessions(c *authConfig, cfg *config.Config, users *htpasswd.Users) error {
	keys, err := session.LoadKeys(string(cfg.Users.Sessions.Keys))
	if err != nil {
		return err
	}
	c.sessionKeys = keys
	sessions := session.Config{
		Keys: keys, MaxAge: cfg.Users.Sessions.MaxAge, Idle: cfg.Users.Sessions.Idle,
		Keep: usedBy(cfg), OnCheck: s.metrics.Sessions(), Clock: &s.linkClock,
	}
	if users != nil {
		sessions.Passwords = users
	}
	if o := cfg.Users.OIDC; o != nil && o.ClientID != "" {
		secret := ""
		if o.ClientSecretFile != "" {
			if secret, err = config.ReadSecret(string(o.ClientSecretFile)); err != nil {
				return err
			}
		}
		if c.client, err = oidc.NewClient(c.provider, oidc.ClientConfig{ID: o.ClientID, Secret: secret}); err != nil {
			return cli.Usagef("users.oidc: %s", cli.OneLine(err))
		}
		sessions.OIDC, sessions.Qualify = c.client, c.chain.QualifySigned
	}
	c.sessions = session.New(s.metrics.Authenticator(c.chain), sessions)
	return nil
}

// addSignIn adds the pages to sign in and out, where the configuration of g has sessions.
func (s *service) addSignIn(g *generation, recorder audit.Recorder) {
	c := g.auth
	if c.sessions == nil {
		return
	}
	pages := signin.Config{
		Sessions: c.sessions, Password: g.cfg.Users.Htpasswd != "",
		Recorder: recorder, Logger: s.logger,
	}
	if c.client != nil {
		pages.Provider, pages.Keys, pages.Failures = c.client, c.sessionKeys, c.failures.logins
	}
	pages.Title, pages.Color = ownLook(g.cfg)
	c.signIn = signin.New(pages)
}

// usedBy returns a function that reduces a principal to what the access rules of the
// configuration use: a cookie has no room for the hundred groups of a large organization.
func usedBy(cfg *config.Config) func(auth.Principal) auth.Principal {
	groups, claims := map[string]bool{}, map[string]bool{}
	for i := range cfg.Mounts {
		for _, rule := range cfg.Mounts[i].Rules() {
			if group, ok := rule.Group(); ok {
				groups[group] = true
			}
			if key, _, ok := rule.Claim(); ok {
				claims[key] = true
				// In a rule, a claim may have the suffix of its source.
				if at := strings.LastIndexByte(key, '@'); at >= 0 {
					claims[key[:at]] = true
				}
			}
		}
	}
	return func(p auth.Principal) auth.Principal {
		p.Groups = slices.DeleteFunc(slices.Clone(p.Groups), func(g string) bool { return !groups[g] })
		p.Claims = maps.Clone(p.Claims)
		maps.DeleteFunc(p.Claims, func(key string, _ []string) bool { return !claims[key] })
		return p
	}
}
