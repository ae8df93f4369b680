package catalogs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// AdoptUnbound assigns uploads of earlier versions, which did not record their source, to the
// source that has their objects, and reports that by tell. It leaves the others to the
// operator. The end of ctx interrupts it.
func AdoptUnbound(ctx context.Context, jail *vfs.Jail, cat catalog.Shared, label string, tell func(string, ...any)) {
	n, err := cat.Count(ctx, "")
	if err == nil && n == 0 {
		return
	}
	var done reconcile.Adopted
	if err == nil {
		done, err = reconcile.Adopt(ctx, jail, cat, "")
	}
	if done.Taken > 0 {
		tell("catalog: assigned %s of an earlier version, without a recorded source, to %s, which has their objects", cli.Count(done.Taken, "upload"), cli.Printable(label))
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		tell("catalog: no source is recorded for %s of an earlier version, so they cannot be served; looking for their objects in %s failed: %s; to assign them to a source: bailiwick catalog rebind SOURCE --catalog …", cli.Count(int(n)-done.Taken, "upload"), cli.Printable(label), cli.OneLine(err))
	case done.Stay > 0:
		tell("catalog: no source is recorded for %s of an earlier version, so they cannot be served; their objects are not in %s; to assign them to a source: bailiwick catalog rebind SOURCE --catalog …", cli.Count(done.Stay, "upload"), cli.Printable(label))
	}
}

// SayElsewhere warns if a catalog has uploads, but none of the source with that label, which the
// user wrote as source, and says how to correct that. Uploads of the sources in served are
// expected.
func SayElsewhere(ctx context.Context, say func(string, ...any), cat catalog.Shared, source, label string, served []catalog.Source) {
	own, others, err := SourcesOf(ctx, cat, label)
	others = slices.DeleteFunc(others, func(s catalog.Source) bool { return s == "" || slices.Contains(served, s) })
	if err != nil || own || len(others) == 0 {
		return
	}
	say("the catalog has no uploads of %s, only of %s; if that source was moved here: bailiwick catalog rebind %s --from %s --catalog …",
		cli.Printable(label), ListSources(others), cli.ShellWord(source), cli.ShellWord(string(others[0])))
}

// SourcesOf reports whether a catalog has rows of the source with that label, and which other
// sources it has rows of. It omits sources in memory, which ended with their process.
func SourcesOf(ctx context.Context, cat catalog.Shared, label string) (own bool, others []catalog.Source, err error) {
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

// ListSources lists sources in one line, the first few by name.
func ListSources(list []catalog.Source) string {
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

// NamedSource returns the source that a flag names, by the label in the catalog or as a
// SOURCE argument.
func NamedSource(ctx context.Context, env *cli.Env, cat catalog.Shared, flag, name string) (catalog.Source, error) {
	all, err := cat.Sources(ctx)
	if err != nil {
		return "", Error(env, err)
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
			return "", cli.Usagef("%s: the catalog is empty; check --catalog", flag)
		}
		return "", cli.Usagef("%s: the catalog has no uploads of %s; it has uploads of %s", flag, cli.Printable(label), ListSources(all))
	}
	return catalog.Source(label), nil
}
