package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const catalogUsage = "`WHERE` the original names of uploads are kept: sqlite:PATH for one machine, postgres://USER@HOST/DATABASE for several"

// openCatalog opens the catalog that a flag or a configuration names, for the source of
// that label. The caller closes it.
func (a *app) openCatalog(ctx context.Context, where, label string) (catalog.Shared, error) {
	cat, err := open.Open(ctx, where, catalog.Source(label))
	if err != nil {
		return nil, a.catalogFailed(err)
	}
	return cat, nil
}

// openExisting is openCatalog for a command that is no use without what a server has
// written: a file that is not there is not made.
func (a *app) openExisting(ctx context.Context, where, label string) (catalog.Shared, error) {
	if path, ok := strings.CutPrefix(where, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, cli.Usagef("%s: there is no catalog %s; name the one that the server was given", a.Origin("catalog"), cli.Printable(path))
		}
	}
	return a.openCatalog(ctx, where, label)
}

// catalogFailed returns the error of a catalog that cannot be used: one that may
// pass, or one of what was configured.
func (a *app) catalogFailed(err error) error {
	what := strings.TrimPrefix(cli.OneLine(err), "catalog: ") // which the flag says already
	if errors.Is(err, catalog.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return cli.Failf("%s: %s", a.Origin("catalog"), what)
	}
	return cli.Usagef("%s: %s", a.Origin("catalog"), what)
}

// openUploads opens source and catalog, which a server has made. The caller closes both.
func (a *app) openUploads(ctx context.Context, source, where string, opts backends.Options) (*backends.Source, *vfs.Jail, catalog.Shared, error) {
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
		return nil, nil, nil, cli.Usagef("nothing can be uploaded there, for this source cannot be written to")
	}
	cat, err := a.openExisting(ctx, where, src.Label)
	if err != nil {
		src.Close()
		return nil, nil, nil, err
	}
	return src, jail, cat, nil
}

// ownFiles returns a function that reports whether a name in source is of the
// catalog's own files: people put its file beside the objects.
func ownFiles(source, where string) func(name string) bool {
	own := map[string]bool{}
	if dir, err := realPath(source); err == nil && backends.IsPath(source) {
		for _, file := range open.Files(where) {
			if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
				own[filepath.ToSlash(rel)] = true
			}
		}
	}
	return func(name string) bool {
		// What lies in a directory of the catalog belongs to it, too.
		return own[name] || own[path.Dir(name)]
	}
}

// realPath returns path without links and from the root. Of a file that is not
// there its directory counts.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = filepath.EvalSymlinks(filepath.Dir(path))
		real = filepath.Join(real, filepath.Base(path))
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}
