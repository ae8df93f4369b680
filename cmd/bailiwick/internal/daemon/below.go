package daemon

import (
	"context"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// below returns the mounts directly below m that have a page, for the pages of m: they are no
// entries of its directories, so nobody would find them. With a host, these are pages for that.
func (g *generation) below(m *mount, host string) []server.Below {
	var list []server.Below
	names := routing.Taken(g.cfg.Mounts, m.cfg, host)
	for _, n := range names {
		if slices.ContainsFunc(names, func(above vfs.Name) bool { return strings.HasPrefix(n.String(), above.String()+"/") }) {
			continue
		}
		path := strings.TrimSuffix(string(m.cfg.Path), "/") + "/" + n.String()
		at := -1
		for i, o := range g.mounts {
			// Mounts of the host come before those of all hosts.
			if string(o.cfg.Path) == path && (host != "" && string(o.cfg.Host) == host || o.cfg.Host == m.cfg.Host && at < 0) {
				at = i
			}
		}
		if opens := g.mounts[at].opensPage(); opens != nil {
			list = append(list, server.Below{Name: n, Open: opens})
		}
	}
	slices.SortFunc(list, func(a, b server.Below) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return list
}

// opensPage returns a function that reports whether a caller may open the page at the top of the
// mount; nil if there is none.
func (m *mount) opensPage() func(context.Context) bool {
	switch {
	case m.cfg.Uploads != nil && m.page.Mode == server.PageFull:
		authorize := m.authorizeUpload()
		return func(ctx context.Context) bool {
			return authorize.Authorize(ctx, vfs.OpUpload, catalog.Record{Owner: auth.FromContext(ctx).Name}) == nil
		}
	case m.cfg.Uploads == nil && m.cfg.List && m.page.Mode != server.PageOff:
		return func(ctx context.Context) bool { return m.jail.Explain(ctx, vfs.OpList, vfs.Root).Allowed }
	}
	return nil
}
