package main

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

// A tally counts what became of the objects.
type tally struct {
	copied, equal, refused, failed int
	bytes                          int64 // of the copied
	left                           leftover
	coded                          int    // of the copied, whose coding was lost
	coding                         string // of one of them
}

// report counts an outcome, and says what the user has to know of it.
func (c *copying) report(o outcome) {
	switch o.fate {
	case copied:
		c.tally.copied++
		c.tally.bytes += o.size
		if o.coding != "" {
			c.tally.coded++
			c.tally.coding = o.coding
		}
		c.list("copy", o.path)
	case equal:
		c.tally.equal++
		c.list("skip", o.path, "equal")
	case leftOut:
		c.tally.left.add(o.reason)
		c.list("skip", o.path, string(o.reason))
	case refused:
		c.tally.refused++
		c.list("skip", o.path, string(o.reason))
		if c.out == nil {
			c.progress.Say("bailiwick: %s", lost(o.path, o.err))
		}
	case failed:
		c.tally.failed++
		c.progress.Say("bailiwick: %s", lost(o.path, o.err))
	}
}

// list prints a line of a dry run.
func (c *copying) list(columns ...string) {
	if c.out != nil {
		c.out.Columns(columns...)
	}
}

// lost returns the error for an object that was not copied or removed: why.
func lost(path string, err error) error {
	why := vfs.ReasonOf(err)
	if why == "" {
		return cli.Failf("%s: %s", cli.Printable(path), cli.Failure(err))
	}
	detail := why.Detail()
	if e := new(vfs.Error); why == reason.Permission && errors.As(err, &e) {
		detail = "this user may not read it"
		if e.Op == "put" || e.Op == "remove" {
			detail = "this user may not change it"
		}
	}
	return cli.Failf("%s: %s (%s)", cli.Printable(path), detail, why)
}

// conclude says what came of it all. ended is the error that the search for
// objects ended with.
func (c *copying) conclude(ctx context.Context, ended error) error {
	var fatal *cli.ExitError
	cause := context.Cause(ctx)
	switch {
	case errors.As(cause, &fatal):
		return fatal
	case c.searched() && c.tally == (tally{}) && ended == nil && cause == nil:
		return cli.Failf("there is no object %s, and nothing below it", cli.Printable(c.whence.written))
	}
	verb := "copied "
	if c.flags.dryRun {
		verb = "would copy "
	}
	c.app.Say("%s%s", verb, &c.tally)
	if n := c.tally.coded; n > 0 {
		c.app.Say("%s stored compressed (%s) stay so, and the target cannot say it: decompress them before use", cli.Count(n, "object"), cli.Printable(c.tally.coding))
	}
	switch {
	case errors.Is(cause, vfs.ErrFull):
		return cli.Failf("stopped: there is no room left at %s; run it again to go on", cli.Printable(c.where.written))
	case errors.Is(cause, vfs.ErrUnavailable):
		return cli.Failf("stopped: a source does not answer now; run it again to go on")
	case errors.Is(cause, vfs.ErrUnsupported):
		return cli.Failf("stopped: %s cannot be written to", cli.Printable(c.where.written))
	case cause != nil:
		return cli.Failf("interrupted; run it again to go on")
	case ended != nil:
		return lost(c.whence.written, ended)
	case c.tally.refused+c.tally.failed > 0:
		return cli.ErrReported
	}
	return nil
}

// searched reports whether the objects were looked for below a prefix of S3, which
// is there only as far as there are any.
func (c *copying) searched() bool {
	if c.whence.one() || !isS3(c.whence.source) {
		return false
	}
	s, err := backends.ParseS3(c.whence.source)
	return err == nil && s.Prefix != ""
}

// String is the whole in one line: "12 objects, 3.4 MB; 2 equal; 1 refused".
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
	if t.left != (leftover{}) {
		s += "; left out: " + t.left.String()
	}
	return s
}

// A leftover counts what is not copied, and is no failure.
type leftover struct{ dotfiles, links, special, rules int }

func (l *leftover) add(r vfs.Reason) {
	switch r {
	case reason.PolicyDotfile:
		l.dotfiles++
	case reason.Symlink, reason.Directory, reason.Missing: // what a link led to
		l.links++
	case reason.SpecialFile:
		l.special++
	default:
		l.rules++
	}
}

func (l *leftover) String() string {
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
