package daemon

import (
	"context"

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
		m, policy, err := compileMount(cfg, &cfg.Mounts[i])
		if err != nil {
			return nil, err
		}
		mounts[i].Access = m.access
		dir, local := m.cfg.Source.Local()
		if !local || m.cfg.Uploads != nil {
			continue
		}
		src, err := backends.Open(ctx, dir, sourceOptions(m.cfg))
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
