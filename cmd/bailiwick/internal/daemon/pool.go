package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/metrics"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A pool holds the open sources and catalogs. Generations share them, so a directory's
// descriptor, the connections of S3 and the instance of a catalog survive a reload.
type pool struct {
	std    cli.Streams
	env    *cli.Env
	logger *slog.Logger
	// metrics measure what is opened after they were set.
	metrics *metrics.Metrics

	mu      sync.Mutex
	open    map[string]*resource
	closing map[string]chan struct{} // closed once the resource of the key is
}

// A resource is an open source or catalog. Each of its users releases it.
type resource struct {
	pool     *pool
	key      string
	refs     int
	source   *backends.Source // nil for several sources as one tree
	store    vfs.Backend      // of a source, or of several
	backend  vfs.Backend      // the same, behind the caches if there are any
	base     *vfs.Jail        // over backend, for Jail.With; it refuses all names
	catalog  catalog.Catalog  // of a catalog
	shared   catalog.Shared   // the same, without what measures it
	database string           // of a catalog, see databaseOf
	recent   *server.ShareCache
	sweeper  *sweeper

	cache       *cache.Cache // nil for none
	cacheDir    config.Path
	forgetCache func() // ends its metrics
}

func newPool(std cli.Streams, env *cli.Env, logger *slog.Logger) *pool {
	return &pool{std: std, env: env, logger: logger, open: map[string]*resource{}, closing: map[string]chan struct{}{}}
}

// source opens the i-th source of a mount. All mounts of mem: share one memory, writable or
// not.
func (p *pool) source(ctx context.Context, m *config.Mount, i int) (*resource, error) {
	name, opts := string(m.Layers()[i]), sourceOptions(m)
	opts.Writable = m.Written(i) || name == "mem:"
	cached := m.LayerCache(i)
	if cached != nil {
		// All mounts of the source share it, so that they share its cache.
		opts.Writable = opts.Writable || m.LayerWriter(i) != nil
	}
	key := fmt.Sprintf("source %t %s", opts.Writable, name)
	if opts.Disk.RefuseHardLinks && backends.IsPath(name) {
		key = fmt.Sprintf("source %t, no hard links, %s", opts.Writable, name)
	}
	return p.get(key+cacheKey(cached, m.Uploads != nil), func(r *resource) error {
		src, err := backends.Open(ctx, name, opts)
		if err != nil {
			return cli.SourceError(err)
		}
		r.source, r.store = src, p.metrics.Observe(src)
		r.backend = r.store
		if cached != nil {
			if err := p.addCache(r, cached, m.Uploads != nil); err != nil {
				src.Close()
				return err
			}
		}
		r.base, err = vfs.New(r.backend, vfs.Policy{})
		return err
	})
}

// tree returns the sources of a mount as one, the first on top. Its users also hold the
// sources, and release them after it.
func (p *pool) tree(layers []*resource) (*resource, error) {
	if len(layers) == 1 {
		return p.share(layers[0].key), nil
	}
	key := "tree"
	stores, backends := make([]vfs.Backend, len(layers)), make([]vfs.Backend, len(layers))
	for i, l := range layers {
		key += fmt.Sprintf(" %q", l.key)
		stores[i], backends[i] = l.store, l.backend
	}
	return p.get(key, func(r *resource) (err error) {
		if r.store, err = overlay.New(stores, overlay.Options{}); err != nil {
			return cli.Usagef("%s", cli.OneLine(err))
		}
		if r.backend, err = overlay.New(backends, overlay.Options{}); err != nil {
			return cli.Usagef("%s", cli.OneLine(err))
		}
		r.base, err = vfs.New(r.backend, vfs.Policy{})
		return err
	})
}

// sourceOptions returns the options to open a mount's source for reading.
func sourceOptions(m *config.Mount) backends.Options {
	return backends.Options{Disk: disk.Options{RefuseHardLinks: m.HardLinks == "refuse"}}
}

// catalog opens a catalog of the objects in source, cleans up after a crash, and repeats that
// from time to time. No upload of the caller's generation takes longer than longest.
func (p *pool) catalog(ctx context.Context, where string, source *resource, longest time.Duration) (*resource, error) {
	r, err := p.get("catalog "+where+" of "+source.key, func(r *resource) error {
		// What is in a cache says nothing about what the source still has. The cache may keep
		// an object that a sweep removes: without its row, nobody reaches it.
		jail, err := vfs.New(source.store, catalog.Policy())
		if err != nil {
			return err
		}
		if r.shared, err = catalogs.Open(ctx, p.env, where, source.source.Label); err != nil {
			return err
		}
		tell := func(format string, args ...any) { within(time.Second, func() { p.std.Say(format, args...) }) }
		catalogs.AdoptUnbound(ctx, jail, r.shared, source.source.Label, tell)
		r.catalog, r.database = p.metrics.ObserveCatalog(r.shared), databaseOf(where)
		r.sweeper = &sweeper{source: source.source, jail: jail, catalog: r.catalog, announce: tell}
		r.sweeper.allow(longest)
		r.sweeper.start(ctx)
		return nil
	})
	if err == nil {
		r.sweeper.allow(longest) // an earlier generation may have opened it
	}
	return r, err
}

// shares opens the catalog of shares. It belongs to no source.
func (p *pool) shares(ctx context.Context, where string) (*resource, error) {
	return p.get("shares "+where, func(r *resource) (err error) {
		if r.shared, err = catalogs.MakeShares(ctx, p.env, where); err != nil {
			return err
		}
		r.catalog, r.recent = r.shared, new(server.ShareCache)
		return nil
	})
}

// get returns the resource of key, and opens it if necessary. Only one goroutine may call it.
// Opening may take long, and does not block release, which requests call. While the last
// user of an earlier resource closes it, get waits: the lock of a cache's directory, for
// example, is still held.
func (p *pool) get(key string, open func(*resource) error) (*resource, error) {
	if r := p.share(key); r != nil {
		return r, nil
	}
	p.mu.Lock()
	closed := p.closing[key]
	p.mu.Unlock()
	if closed != nil {
		<-closed
	}
	r := &resource{pool: p, key: key, refs: 1}
	if err := open(r); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[key] = r
	return r, nil
}

// share returns the open resource of key, nil if there is none.
func (p *pool) share(key string) *resource {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.open[key]
	if r != nil {
		r.refs++
	}
	return r
}

// release ends one use of the resource; the last one closes it.
func (r *resource) release() {
	p := r.pool
	p.mu.Lock()
	r.refs--
	if r.refs > 0 {
		p.mu.Unlock()
		return
	}
	closed := make(chan struct{})
	delete(p.open, r.key)
	p.closing[r.key] = closed
	p.mu.Unlock()

	if err := r.close(); err != nil {
		p.logger.Error("closing failed", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.closing, r.key)
	close(closed)
}

func (r *resource) close() (err error) {
	if r.sweeper != nil {
		r.sweeper.stop()
	}
	if r.catalog != nil {
		err = r.catalog.Close()
	}
	if r.cache != nil {
		r.forgetCache()
		err = errors.Join(err, r.cache.Close())
	}
	if r.source != nil {
		err = errors.Join(err, r.source.Close())
	}
	return err
}

// probe returns nil if the resource answers. The sources of a tree are resources themselves.
func (r *resource) probe(ctx context.Context) error {
	switch {
	case r.catalog != nil:
		return r.catalog.Ping(ctx)
	case r.source == nil:
		return nil
	}
	// A directory of many uploads takes long to sort.
	ctx = driver.WithListHint(ctx, driver.ListHint{AnyOrder: true, Names: true, Limit: 1})
	for _, err := range r.backend.List(ctx, vfs.Root, "") {
		return err
	}
	return nil
}
