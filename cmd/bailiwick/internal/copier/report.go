package copier

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A tally counts the outcomes of a run.
type tally struct {
	copied, equal, refused, failed int
	removed                        int   // from the target, with Options.Delete
	bytes                          int64 // of the copied
	skipped                        skipCounts
	coded                          int    // copied objects whose content coding was lost
	coding                         string // of one of them
}

// report counts an outcome, lists it, and reports a failure.
func (c *copyRun) report(o outcome) {
	switch o.fate {
	case unbegun:
		return
	case copied:
		c.tally.copied++
		c.tally.bytes += o.size
		if o.coding != "" {
			c.tally.coded++
			c.tally.coding = o.coding
		}
	case equal:
		c.tally.equal++
	case removed:
		c.tally.removed++
	case skipped:
		c.tally.skipped.add(o.reason)
	case refused:
		c.tally.refused++
		if c.out == nil {
			c.progress.Say("bailiwick: %s", objectError(o.path, o.err))
		}
	case failed:
		c.tally.failed++
		c.progress.Say("bailiwick: %s", objectError(o.path, o.err))
	}
	c.list(&o)
}

// list prints the line for an outcome, if they are listed.
func (c *copyRun) list(o *outcome) {
	switch {
	case c.out == nil:
	case c.opts.JSON:
		c.out.JSON(c.record(o))
		if err := c.out.Flush(); err != nil {
			c.cancel(err)
		}
	case o.fate == copied && c.opts.Move:
		c.out.Columns("move", o.path)
	case o.fate == copied:
		c.out.Columns("copy", o.path)
	case o.fate == equal:
		c.out.Columns("skip", o.path, "equal")
	case o.fate == removed:
		c.out.Columns("remove", o.path)
	case o.fate != failed:
		c.out.Columns("skip", o.path, string(o.reason))
	}
}

// A record is the line of --json for an object. The guide describes the keys.
type record struct {
	Name   string `json:"name"`
	Result string `json:"result"`
	Size   *int64 `json:"size,omitempty"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (c *copyRun) record(o *outcome) record {
	r := record{Name: cli.JSONText(o.path), Reason: string(o.reason), DryRun: c.opts.DryRun}
	r.Result = [...]string{copied: "copied", equal: "equal", skipped: "skipped", refused: "refused", failed: "failed", removed: "removed"}[o.fate]
	if o.fate == copied && c.opts.Move {
		r.Result = "moved"
	}
	if o.fate == copied || o.fate == equal {
		r.Size = &o.size
	}
	if o.err != nil {
		r.Error = cli.JSONText(objectError(o.path, o.err).Error())
	}
	return r
}

// objectError returns the error for an object that was not copied or removed.
func objectError(path string, err error) error {
	why := vfs.ReasonOf(err)
	if why == "" {
		return cli.Failf("%s: %s", cli.Printable(path), cli.Failure(err))
	}
	detail := why.Detail()
	if e := new(vfs.Error); why == reason.Permission && errors.As(err, &e) {
		detail = "no permission to read it"
		if e.Op == "put" || e.Op == "remove" {
			detail = "no permission to change it"
		}
	}
	return cli.Failf("%s: %s (%s)", cli.Printable(path), detail, why)
}

// conclude reports the result of the run. ended is the error that ended the listing of the
// source, if any.
func (c *copyRun) conclude(ctx context.Context, ended error) error {
	var fatal *cli.ExitError
	cause := context.Cause(ctx)
	switch {
	case errors.As(cause, &fatal):
		return fatal
	case c.searched() && c.tally == (tally{}) && ended == nil && cause == nil:
		return cli.Failf("there is no object %s and no object below it; check the name", cli.Printable(c.from.written))
	}
	verb := "copied "
	switch {
	case c.opts.DryRun && c.opts.Move:
		verb = "would move "
	case c.opts.DryRun:
		verb = "would copy "
	case c.opts.Move:
		verb = "moved "
	}
	c.std.Say("%s%s", verb, &c.tally)
	if n := c.tally.removed; n > 0 && c.opts.DryRun {
		c.std.Say("would remove %s", cli.Count(n, "object"))
	} else if n > 0 {
		c.std.Say("removed %s", cli.Count(n, "object"))
	}
	if n := c.tally.coded; n > 0 {
		c.std.Say("%s stored compressed (%s) were copied compressed, and the target cannot record that; decompress them before use", cli.Count(n, "object"), cli.Printable(c.tally.coding))
	}
	switch {
	case errors.Is(cause, vfs.ErrFull):
		return cli.Failf("stopped: no space left at %s; free some, and run the command again to continue", cli.Printable(c.to.written))
	case errors.Is(cause, vfs.ErrUnavailable):
		return cli.Failf("stopped: a source is unavailable; run the command again to continue")
	case errors.Is(cause, vfs.ErrUnsupported):
		return cli.Failf("stopped: %s is read-only; choose another target", cli.Printable(c.to.written))
	case cause != nil:
		return cli.Failf("interrupted; run the command again to continue")
	case ended != nil:
		return objectError(c.from.written, ended)
	case c.tally.refused+c.tally.failed > 0:
		return cli.ErrReported
	}
	return nil
}

// searched reports whether the source is an S3 prefix, which exists only if there are
// objects below it.
func (c *copyRun) searched() bool {
	if c.from.single() || !isS3(c.from.source) {
		return false
	}
	s, err := backends.ParseS3(c.from.source)
	return err == nil && s.Prefix != ""
}

// String returns the counts in one line: "12 objects, 3.4 MB; 2 equal; 1 refused".
func (t *tally) String() string {
	s := cli.Count(t.copied, "object") + ", " + cli.ByteCount(t.bytes)
	for _, more := range []struct {
		n    int
		what string
	}{{t.equal, "equal"}, {t.refused, "refused"}, {t.failed, "failed"}} {
		if more.n > 0 {
			s += "; " + strconv.Itoa(more.n) + " " + more.what
		}
	}
	if t.skipped != (skipCounts{}) {
		s += "; left out: " + t.skipped.String()
	}
	return s
}

// A skipCounts counts the objects that were skipped without a failure.
type skipCounts struct{ dotfiles, links, special, rules int }

func (l *skipCounts) add(r vfs.Reason) {
	switch r {
	case reason.PolicyDotfile:
		l.dotfiles++
	case reason.Symlink, reason.Directory, reason.Missing: // the target of a link
		l.links++
	case reason.SpecialFile:
		l.special++
	default:
		l.rules++
	}
}

func (l *skipCounts) String() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, what)
		}
	}
	add(l.dotfiles, cli.Count(l.dotfiles, "dotfile"))
	add(l.links, cli.Count(l.links, "link"))
	add(l.special, cli.Count(l.special, "special file"))
	add(l.rules, strconv.Itoa(l.rules)+" by the rules")
	return strings.Join(parts, ", ")
}
