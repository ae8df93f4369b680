package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A mount is a source at a path of the server, perhaps for one host only.
type mount struct {
	cfg     *config.Mount
	layers  []*resource // the sources, from the top down
	source  *resource   // all of them as one tree
	catalog *resource   // nil but for uploads
	jail    *vfs.Jail
	forHost map[string]*vfs.Jail // of the hosts of routing.HostsWithin, in the place of jail
	names   *vfs.Jail            // the same without access rules; nil for uploads
	access  *access.List         // nil if the mount is open to anyone

	notFound []byte // the page for refusals; nil for a fixed text
	page     server.Page
}

// newMount opens the source of a mount and puts it behind the mount's rules.
func (s *service) newMount(ctx context.Context, g *generation, i int) (*mount, error) {
	cfg, key := &g.cfg.Mounts[i], fmt.Sprintf("mounts[%d]", i)
	m, policy, err := compileMount(g.cfg, cfg, "")
	if err != nil {
		return nil, err
	}
	for i := range cfg.Layers() {
		layer, err := s.pool.source(ctx, cfg, i)
		if err != nil {
			at := key + "." + cfg.LayerKey(i)
			if errors.As(err, new(cacheError)) {
				at = key + ".cache.dir"
			}
			return nil, withPosition(g.cfg, at, err)
		}
		g.held = append(g.held, layer)
		m.layers = append(m.layers, layer)
	}
	if m.source, err = s.pool.tree(m.layers); err != nil {
		return nil, err
	}
	g.held = append(g.held, m.source)
	if err := m.check(); err != nil {
		return nil, err
	}
	// Mounts of one source know of each other's changes.
	if m.jail, err = m.source.base.With(policy); err != nil {
		return nil, cli.Usagef("%s", cli.OneLine(err))
	}
	for _, host := range routing.HostsWithin(g.cfg.Mounts, cfg) {
		jail, err := m.jailFor(g.cfg, host)
		if err != nil {
			return nil, cli.Usagef("%s", cli.OneLine(err))
		}
		if m.forHost == nil {
			m.forHost = map[string]*vfs.Jail{}
		}
		m.forHost[host] = jail
	}
	if cfg.NotFound != "" {
		if m.notFound, err = readPage(ctx, m.source.store, objectName(cfg.NotFound)); err != nil {
			return nil, withPosition(g.cfg, key+".not_found", err)
		}
	}
	if m.page.Logo, err = logoOf(cfg); err != nil {
		return nil, withPosition(g.cfg, key+".page_logo", err)
	}
	if cfg.Uploads == nil {
		if m.names, err = withoutAccess(m.source.backend, policy); err != nil {
			return nil, err
		}
	} else {
		address, err := g.cfg.Catalog(cfg)
		if err != nil {
			return nil, err
		}
		if m.catalog, err = s.pool.catalog(ctx, address.DSN(), m.source, g.cfg.Limits.UploadTime); err != nil {
			return nil, withPosition(g.cfg, key+".uploads.catalog", err)
		}
		g.held = append(g.held, m.catalog)
	}
	return m, nil
}

// check refuses what the open sources cannot do.
func (m *mount) check() error {
	caps := m.source.backend.Caps()
	for i := range m.layers {
		name := cli.Printable(string(m.cfg.Layers()[i]))
		switch {
		case m.cfg.LinkRedirect > 0 && !caps.Direct:
			return cli.Usagef("%s: link_redirect needs a source with credentials, to sign URLs; remove it", name)
		case m.cfg.Written(i) && !caps.Writable:
			return cli.Usagef("%s: this source is read-only; remove write or uploads", name)
		}
	}
	return nil
}

// compileMount returns a mount with its access rules, but without its source, and the policy
// for its names, for requests with a host, or with "" for those with any.
func compileMount(cfg *config.Config, mc *config.Mount, host string) (m *mount, policy vfs.Policy, err error) {
	m = &mount{cfg: mc, page: pageOf(mc)}
	m.page.Shares = cfg.Shares != nil
	if mc.Access != nil {
		if m.access, err = access.Compile(mc.Rules(), cfg.Groups); err != nil {
			return nil, policy, cli.Usagef("%s", cli.OneLine(err))
		}
	}
	policy, err = mountPolicy(cfg, m, host)
	return m, policy, err
}

// mountPolicy returns the policy for the names of a mount.
func mountPolicy(cfg *config.Config, m *mount, host string) (vfs.Policy, error) {
	if m.cfg.Uploads != nil {
		// Authorization depends on the owner of an object, which only the handler knows.
		return catalog.Policy(), nil
	}
	allow, err := cfg.Allowed(m.cfg)
	if err != nil {
		return vfs.Policy{}, err
	}
	p := vfs.Policy{Allow: allow, Deny: slices.Concat(m.cfg.Deny, config.Whiteouts())}
	p.Deny = append(p.Deny, m.page.Reserved()...)
	// A deny pattern also covers every other spelling of the name that some backend might
	// take for the same.
	for _, n := range routing.Taken(cfg.Mounts, m.cfg, host) {
		taken, err := vfs.NameSet("the mount at "+strings.TrimSuffix(string(m.cfg.Path), "/")+"/"+n.String(), n)
		if err != nil {
			return vfs.Policy{}, err
		}
		p.Deny = append(p.Deny, taken)
	}
	if m.cfg.Symlinks == "inside" {
		p.Symlinks = vfs.SymlinksInside
	}
	// Without access rules, everyone may do what the patterns allow, with or without
	// credentials.
	p.Authorize = access.Anyone()
	if m.access != nil {
		p.Authorize = m.access
	}
	return p, nil
}

// router returns the handler that passes each request to its mount.
func (s *service) router(g *generation, recorder audit.Recorder) (http.Handler, error) {
	rt := routing.New(g.cfg.Mounts)
	for i := range rt.Routes {
		at := slices.IndexFunc(g.mounts, func(m *mount) bool { return m.cfg == rt.Routes[i].Mount })
		m, route := g.mounts[at], &rt.Routes[i]
		route.Handler = s.handler(g, m, m.jail, "", rt, recorder)
		for host, jail := range m.forHost {
			if route.ForHost == nil {
				route.ForHost = map[string]http.Handler{}
			}
			route.ForHost[host] = s.handler(g, m, jail, host, rt, recorder)
		}
	}
	var err error
	rt.Nothing, err = unmountedHandler(s.gate(g, rt, nil), recorder, s.logger)
	return rt, err
}

// jailFor returns the jail of a mount for requests with a host. It refuses what other mounts
// of the host serve or hide: in an archive, a search, a form or a share, a name comes from
// elsewhere than from a URL.
func (m *mount) jailFor(cfg *config.Config, host string) (*vfs.Jail, error) {
	policy, err := mountPolicy(cfg, m, host)
	if err != nil {
		return nil, err
	}
	return m.source.base.With(policy)
}

// gate returns the authentication for a mount to which rt leads, or with nil for paths
// without a mount.
func (s *service) gate(g *generation, rt *routing.Router, m *config.Mount) server.Auth {
	gate := server.Auth{Authenticator: s.authenticator(g.auth), HasURL: rt.HasURL(m)}
	if g.auth.signIn != nil {
		gate.SignIn = g.auth.signIn.Unauthorized()
	}
	if g.auth.links == nil {
		return gate
	}
	// A link is valid only for the mount that its own URL leads to: a proxy may change the
	// host on the way, and a mount for all hosts has paths that other mounts have, too.
	gate.Links, gate.Uses = g.auth.links, s.metrics.Uses(s.uses(g))
	gate.Clock = &s.linkClock
	if m != nil {
		gate.Redirect = m.LinkRedirect
	}
	return gate
}

// handler returns the handler of a mount, to which rt leads, for what jail lets
// through: for requests with a host, or with "" for all others.
func (s *service) handler(g *generation, m *mount, jail *vfs.Jail, host string, rt *routing.Router, recorder audit.Recorder) http.Handler {
	gate := s.gate(g, rt, m.cfg)
	slots := s.arriving.of(g.cfg.Limits.Uploads)
	minRate := int64(g.cfg.Limits.MinimumRate)
	if m.cfg.Uploads != nil {
		cfg := m.uploadConfig(g.cfg)
		cfg.Auth, cfg.Intake.Slots, cfg.MinRate, cfg.Recorder, cfg.Logger = gate, slots, minRate, recorder, s.logger
		return server.NewUploads(jail, m.catalog.catalog, cfg)
	}
	cfg := m.serverConfig(g.cfg)
	cfg.NotFound, cfg.Page.Below = m.notFound, g.below(m, host)
	cfg.Archive.Slots = s.archives.of(g.cfg.Limits.Archives)
	cfg.Auth, cfg.Intake.Slots, cfg.MinRate, cfg.Recorder, cfg.Logger = gate, slots, minRate, recorder, s.logger
	return server.New(jail, cfg)
}

// uploadConfig returns the configuration of the handler of an upload mount, without what
// belongs to a running service.
func (m *mount) uploadConfig(cfg *config.Config) server.UploadConfig {
	return server.UploadConfig{
		Mounted:   mountedAt(m.cfg.Path),
		Intake:    intakeOf(cfg, m.cfg),
		Authorize: m.authorizeUpload(),
		MaxAge:    m.cfg.MaxAge,
		Page:      m.page,
	}
}

// serverConfig is uploadConfig for a mount without uploads.
func (m *mount) serverConfig(cfg *config.Config) server.Config {
	c := server.Config{
		Mounted:  mountedAt(m.cfg.Path),
		List:     m.cfg.List,
		Page:     m.page,
		NoIndex:  m.cfg.NoIndex,
		MaxAge:   m.cfg.MaxAge,
		Write:    m.cfg.Write,
		Intake:   intakeOf(cfg, m.cfg),
		Archive:  server.Archives{Entries: cfg.Limits.ArchiveEntries},
		Sidecars: m.cfg.Precompressed,
		Inline:   typesOf(m.cfg.Inline),

		SidecarsBeside: slices.ContainsFunc(m.cfg.Readers(), func(r *config.Mount) bool { return r.Precompressed }),
	}
	if m.cfg.Index != nil {
		c.Index = make([]string, len(m.cfg.Index))
		for i, name := range m.cfg.Index {
			c.Index[i] = string(name)
		}
	}
	if m.cfg.Fallback != "" {
		c.Fallback, c.FallbackFor = objectName(m.cfg.Fallback), m.cfg.FallbackFor
	}
	// The configuration decides this for every mount, by all mounts that write to its source.
	c.Content = server.ContentUntrusted
	if m.cfg.Content == "trusted" {
		c.Content = server.ContentTrusted
	}
	return c
}

func objectName(s config.ObjectName) vfs.Name {
	n, err := vfs.ParseName(string(s))
	if err != nil {
		panic("the name of an object was parsed and is none: " + err.Error())
	}
	return n
}

// mountedAt returns the path of a mount as package server expects it: zero for the root.
func mountedAt(path config.MountPath) vfs.Name {
	if path == "/" {
		return vfs.Name{}
	}
	n, err := vfs.ParseName(string(path[1:]))
	if err != nil {
		panic("the path of a mount was parsed and is none: " + err.Error())
	}
	return n
}

// authorizeUpload returns the authorizer of uploads, which considers their owners.
func (m *mount) authorizeUpload() server.UploadAuthorizer {
	if m.access == nil {
		return server.OwnersDelete()
	}
	return server.UploadRules(m.access)
}

func intakeOf(cfg *config.Config, m *config.Mount) server.Intake {
	in := server.Intake{
		MaxBytes: int64(cfg.Limits.Upload),
		Timeout:  cfg.Limits.UploadTime,
	}
	if in.MaxBytes == 0 {
		in.MaxBytes = -1 // 0 is no limit here, and the default there
	}
	in.Types = typesOf(m.TypesTaken())
	return in
}

// typesOf joins media types that were parsed one by one.
func typesOf(list []config.MediaType) server.Types {
	var words []string
	for _, t := range list {
		words = append(words, string(t))
	}
	types, err := server.ParseTypes(words...)
	if err != nil {
		panic("a media type was parsed and is none: " + err.Error())
	}
	return types
}

// unmountedHandler answers requests without a mount just as a mount answers for a missing
// name, wrong credentials included. Otherwise the difference would tell where mounts are.
func unmountedHandler(gate server.Auth, recorder audit.Recorder, logger *slog.Logger) (http.Handler, error) {
	jail, err := emptyJail()
	if err != nil {
		return nil, err
	}
	return server.New(jail, server.Config{NoIndex: true, Auth: gate, Recorder: recorder, Logger: logger}), nil
}

// emptyJail returns a jail that allows no name, and asks nobody for credentials.
func emptyJail() (*vfs.Jail, error) {
	return vfs.New(mem.New(), vfs.Policy{Authorize: access.Anyone()})
}
