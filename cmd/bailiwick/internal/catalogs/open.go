package catalogs

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// FlagUsage is the help text of --catalog.
const FlagUsage = "the catalog of uploads, with their original names: `sqlite:PATH` for one machine, postgres://USER@HOST/DATABASE for several"

// sharesLabel is the label to open a catalog for its shares, which belong to no source.
const sharesLabel = "shares"

// Open opens the catalog that a flag or a configuration names, for the source with that
// label. The caller closes it.
func Open(ctx context.Context, env *cli.Env, where, label string) (catalog.Shared, error) {
	cat, err := open.Open(ctx, where, catalog.Source(label))
	if err != nil {
		return nil, Error(env, err)
	}
	return cat, nil
}

// OpenExisting is Open for commands that need a catalog which a server has filled: it creates no
// missing file, and upgrades no older catalog, which a server of an older version may be using.
func OpenExisting(ctx context.Context, env *cli.Env, where, label string) (catalog.Shared, error) {
	return openExisting(ctx, env, "catalog", where, label)
}

// OpenShares is OpenExisting for the catalog of shares, which --shares names.
func OpenShares(ctx context.Context, env *cli.Env, where string) (catalog.Shared, error) {
	return openExisting(ctx, env, "shares", where, sharesLabel)
}

// MakeShares is OpenShares for a server, which creates a missing file.
func MakeShares(ctx context.Context, env *cli.Env, where string) (catalog.Shared, error) {
	cat, err := open.Open(ctx, where, sharesLabel)
	if err != nil {
		return nil, errorAt(env, "shares", err)
	}
	return cat, nil
}

func openExisting(ctx context.Context, env *cli.Env, flag, where, label string) (catalog.Shared, error) {
	cat, err := open.NoUpgrade(ctx, where, catalog.Source(label))
	if errors.Is(err, catalog.ErrNone) {
		at := "in this database" // its URL may have a password
		if path, ok := strings.CutPrefix(where, "sqlite:"); ok {
			at = cli.Printable(path)
		}
		return nil, cli.Usagef("%s: there is no catalog %s; name the catalog of the server", env.Origin(flag), at)
	}
	if err != nil {
		return nil, errorAt(env, flag, err)
	}
	return cat, nil
}

// Error returns the error for a catalog that cannot be used: a failure if the catalog is
// unavailable, which may pass, else a usage error.
func Error(env *cli.Env, err error) error { return errorAt(env, "catalog", err) }

func errorAt(env *cli.Env, flag string, err error) error {
	what := strings.TrimPrefix(cli.OneLine(err), "catalog: ") // the flag's name says so already
	if errors.Is(err, catalog.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return cli.Failf("%s: %s", env.Origin(flag), what)
	}
	return cli.Usagef("%s: %s", env.Origin(flag), what)
}

// OpenUploads opens a source and an existing catalog. The caller closes both.
func OpenUploads(ctx context.Context, env *cli.Env, source, where string, opts backends.Options) (*backends.Source, *vfs.Jail, catalog.Shared, error) {
	if where == "" {
		return nil, nil, nil, cli.Usagef("name the catalog of these objects: --catalog sqlite:PATH or postgres://…")
	}
	src, err := backends.Open(ctx, source, opts)
	if err != nil {
		return nil, nil, nil, cli.SourceError(err)
	}
	jail, err := vfs.New(src, catalog.Policy())
	if err != nil {
		src.Close()
		return nil, nil, nil, err
	}
	if opts.Writable && !jail.Caps().Writable {
		src.Close()
		return nil, nil, nil, cli.Usagef("this source cannot be written to; name one that can be")
	}
	cat, err := OpenExisting(ctx, env, where, src.Label)
	if err != nil {
		src.Close()
		return nil, nil, nil, err
	}
	return src, jail, cat, nil
}

// OwnFiles returns a function that reports whether a name in source is a file of the catalog
// itself: some catalogs are in the same directory as the objects.
func OwnFiles(source, where string) func(name string) bool {
	own := map[string]bool{}
	if dir, err := cli.RealPath(source); err == nil && backends.IsPath(source) {
		for _, file := range open.Files(where) {
			if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
				own[filepath.ToSlash(rel)] = true
			}
		}
	}
	return func(name string) bool {
		// The files in a directory of the catalog belong to it, too.
		return own[name] || own[path.Dir(name)]
	}
}
