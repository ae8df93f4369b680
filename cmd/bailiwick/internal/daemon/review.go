package daemon

import (
	"context"
	"slices"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/review"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// review reviews the configuration of a generation, whose mounts are open.
func (s *service) review(ctx context.Context, g *generation) *review.Review {
	mounts := make([]review.Mount, len(g.mounts))
	for i, m := range g.mounts {
		mounts[i] = review.Mount{Names: m.names, Access: m.access}
	}
	addresses := addressesOf(g.cfg)
	if len(s.sockets) > 0 {
		addresses = nil
		for _, l := range s.sockets {
			addresses = append(addresses, l.Addr().String())
		}
	}
	return review.Of(ctx, g.cfg, mounts, addresses)
}

// Review reviews a configuration that is not served. It scans the sources that are local
// directories, and connects to nothing. A directory that cannot be opened is not reviewed.
func Review(ctx context.Context, env *cli.Env, cfg *config.Config) (*review.Review, error) {
	defer holdOwnFiles(env, cfg)()
	mounts := make([]review.Mount, len(cfg.Mounts))
	for i := range cfg.Mounts {
		m, policy, err := compileMount(cfg, &cfg.Mounts[i], "")
		if err != nil {
			return nil, err
		}
		mounts[i].Access = m.access
		if m.cfg.Uploads != nil || slices.ContainsFunc(m.cfg.Layers(), notLocal) {
			continue
		}
		src, err := openSources(ctx, m.cfg)
		if err != nil {
			continue // serve reports it
		}
		defer src.Close()
		if mounts[i].Names, err = withoutAccess(src, policy); err != nil {
			return nil, err
		}
	}
	return review.Of(ctx, cfg, mounts, addressesOf(cfg)), nil
}

func notLocal(s config.Source) bool {
	_, local := s.Local()
	return !local
}

// openSources opens the sources of a mount for reading, as one tree.
func openSources(ctx context.Context, m *config.Mount) (*backends.Source, error) {
	return backends.OpenOverlay(ctx, sourceNames(m), sourceOptions(m))
}

func sourceNames(m *config.Mount) []string {
	var names []string
	for _, source := range m.Layers() {
		names = append(names, string(source))
	}
	return names
}

// withoutAccess returns the names that a mount's patterns allow, whatever its access rules
// are.
func withoutAccess(source vfs.Backend, policy vfs.Policy) (*vfs.Jail, error) {
	policy.Authorize = access.Anyone()
	jail, err := vfs.New(source, policy)
	if err != nil {
		return nil, cli.Usagef("%s", cli.OneLine(err))
	}
	return jail, nil
}

func addressesOf(cfg *config.Config) []string {
	var all []string
	for _, address := range cfg.Listen {
		all = append(all, string(address))
	}
	return all
}

// StrictError returns the warnings as the error of --strict, nil if there are none.
func StrictError(env *cli.Env, warnings config.Errors) error {
	text := " are errors"
	switch len(warnings) {
	case 0:
		return nil
	case 1:
		text = " is an error"
	}
	all := warnings[:len(warnings):len(warnings)]
	return append(all, &config.Error{Where: env.Origin("strict"), Text: cli.Count(len(warnings), "warning") + text})
}
