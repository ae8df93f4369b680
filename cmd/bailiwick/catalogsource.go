package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Whose rows a catalog has. An upload belongs to the source that its object is in, and no
// mount sees those of another source.

// adoptUnbound gives the uploads that a version before sources wrote to the source that
// has their objects, and says so. What stays is for the operator to decide.
func adoptUnbound(ctx context.Context, jail *vfs.Jail, cat catalog.Shared, label string, tell func(string, ...any)) {
	n, err := cat.Count(ctx, "")
	if err == nil && n == 0 {
		return
	}
	var done reconcile.Adopted
	if err == nil {
		done, err = reconcile.Adopt(ctx, jail, cat, "")
	}
	if done.Taken > 0 {
		tell("catalog: %s of an earlier version, which did not write down their source, belong to %s from now on: their objects are there", cli.Count(done.Taken, "upload"), cli.Printable(label))
	}
	switch {
	case err != nil:
		tell("catalog: %s of an earlier version belong to no source, and nobody can reach them; looking for their objects in %s failed: %s; bailiwick catalog rebind SOURCE --catalog … gives them to one", cli.Count(int(n)-done.Taken, "upload"), cli.Printable(label), cli.OneLine(err))
	case done.Stay > 0:
		tell("catalog: %s of an earlier version belong to no source, and nobody can reach them: their objects are not in %s; bailiwick catalog rebind SOURCE --catalog … gives them to one", cli.Count(done.Stay, "upload"), cli.Printable(label))
	}
}

// tellSources says of each catalog that has no uploads of its mount's source, but some of
// a source that no mount has: it was moved, or named in another way.
func (s *service) tellSources(ctx context.Context, t *site) {
	var served []catalog.Source
	for _, m := range t.mounts {
		served = append(served, catalog.Source(m.source.source.Label))
	}
	for _, m := range t.mounts {
		if m.catalog != nil {
			s.app.tellElsewhere(ctx, m.catalog.shared, m.source.source.Label, served)
		}
	}
}

// tellElsewhere says that a catalog has uploads, but none of the source of that label,
// and what to do if that is wrong. Those of served are no wonder.
func (a *app) tellElsewhere(ctx context.Context, cat catalog.Shared, label string, served []catalog.Source) {
	own, others, err := sourcesOf(ctx, cat, label)
	others = slices.DeleteFunc(others, func(s catalog.Source) bool { return s == "" || slices.Contains(served, s) })
	if err != nil || own || len(others) == 0 {
		return
	}
	within(time.Second, func() {
		a.Say("catalog: it has no uploads of %s, but some of %s; if that was moved here: bailiwick catalog rebind %[1]s --from %[3]s --catalog …",
			cli.Printable(label), listSources(others), cli.Printable(string(others[0])))
	})
}

// sourcesOf returns whether a catalog has rows of the source of that label, and which
// others it has rows of. Objects in memory are gone with their process, and are left out.
func sourcesOf(ctx context.Context, cat catalog.Shared, label string) (own bool, others []catalog.Source, err error) {
	all, err := cat.Sources(ctx)
	for _, s := range all {
		switch {
		case string(s) == label:
			own = true
		case !strings.HasPrefix(string(s), "mem:"):
			others = append(others, s)
		}
	}
	return own, others, err
}

// listSources writes sources as a part of a line.
func listSources(list []catalog.Source) string {
	const shown = 5
	var words []string
	for i, s := range list {
		switch {
		case i == shown:
			words = append(words, fmt.Sprintf("%d more", len(list)-shown))
		case i > shown:
		default:
			words = append(words, cli.Printable(string(s)))
		}
	}
	return strings.Join(words, ", ")
}

// rowsToCheck returns the catalog of the source whose uploads are to be compared with
// what is in the source of that label, in the place of cat, which it closes then.
func (a *app) rowsToCheck(ctx context.Context, cat catalog.Shared, label string, f *catalogFlags) (catalog.Shared, error) {
	own, others, err := sourcesOf(ctx, cat, label)
	if err != nil {
		return cat, a.catalogFailed(err)
	}
	of := catalog.Source(label)
	switch {
	case f.of != "":
		if of, err = a.namedSource(ctx, cat, "--of", f.of); err != nil {
			return cat, err
		}
	case own || len(others) == 0:
	case slices.Contains(others, ""):
		return cat, cli.Usagef("the catalog has uploads of an earlier version, which belong to no source; bailiwick catalog rebind %s --catalog … gives them to this one", cli.Printable(label))
	case len(others) == 1:
		of = others[0]
		a.Say("the uploads in the catalog are of %s; they are compared with the objects in %s", listSources(others), cli.Printable(label))
	default:
		return cat, cli.Usagef("the catalog has no uploads of %s; if it is a copy of another source, name that with --of: %s", cli.Printable(label), listSources(others))
	}
	if string(of) == label {
		return cat, nil
	}
	cat.Close()
	return a.openExisting(ctx, f.catalog, string(of))
}

// namedSource returns the source that a flag names: as the catalog has it, or as any
// command takes it.
func (a *app) namedSource(ctx context.Context, cat catalog.Shared, flag, name string) (catalog.Source, error) {
	all, err := cat.Sources(ctx)
	if err != nil {
		return "", a.catalogFailed(err)
	}
	if slices.Contains(all, catalog.Source(name)) {
		return catalog.Source(name), nil
	}
	label, err := backends.Label(name)
	if err != nil {
		return "", cli.Usagef("%s: %s", flag, cli.OneLine(err))
	}
	if !slices.Contains(all, catalog.Source(label)) {
		if len(all) == 0 {
			return "", cli.Usagef("%s: the catalog is empty", flag)
		}
		return "", cli.Usagef("%s: the catalog has no uploads of %s; it has some of %s", flag, cli.Printable(label), listSources(all))
	}
	return catalog.Source(label), nil
}
