package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// rules are the flags by which every command takes its policy.
type rules struct {
	allow, deny, allowFiles []string
	symlinks                choice
	hardLinks               choice // of commands that have it
}

func (r *rules) register(cmd *cobra.Command) {
	r.symlinks = choice{"refuse", []string{"refuse", "inside"}}
	flags := cmd.Flags()
	flags.StringArrayVar(&r.allow, "allow", nil, "let through names that match `GLOB` (repeat for more; 're:…' is a regular expression)")
	flags.StringArrayVar(&r.deny, "deny", nil, "refuse names that match `GLOB` and all below them, whatever is allowed (repeat for more)")
	flags.StringArrayVar(&r.allowFiles, "allow-file", nil, "let through the exact names in `FILE`, one a line, as scan --save writes them (repeat for more)")
	flags.Var(&r.symlinks, "symlinks", "what to do at a symbolic link: refuse it, or let it lead to names inside that are allowed themselves")
	completeWords(cmd, "symlinks", r.symlinks.words)
}

// registerHardLinks adds what is about files and not about names. The default is that of a
// source which nobody writes to, or "" where the configuration decides.
func (r *rules) registerHardLinks(cmd *cobra.Command, otherwise, note string) {
	r.hardLinks = choice{otherwise, []string{"refuse", "serve"}}
	cmd.Flags().Var(&r.hardLinks, "hard-links", "what to do at a file that has more than one name: refuse or serve it"+note)
	completeWords(cmd, "hard-links", r.hardLinks.words)
}

// holdOwn makes the files of the rules the process's own, as a server does that is given
// them, until release is called.
func (r *rules) holdOwn() (release func()) {
	var files []ownfile.File
	for _, file := range r.allowFiles {
		files = append(files, ownfile.File{Path: file})
	}
	return ownfile.Hold(files...)
}

// policy compiles the rules. It reads the files of --allow-file each time.
func (r *rules) policy(e *env) (vfs.Policy, error) {
	var p vfs.Policy
	for _, src := range r.allow {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, usagef("%s: %s", e.origin("allow"), oneLine(err))
		}
		p.Allow = append(p.Allow, pattern)
	}
	for _, src := range r.deny {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, usagef("%s: %s", e.origin("deny"), oneLine(err))
		}
		p.Deny = append(p.Deny, pattern)
	}
	for _, file := range r.allowFiles {
		pattern, err := readAllowFile(file)
		switch {
		case file == "":
			return p, usagef("%s: write the name of a file", e.origin("allow-file"))
		case errors.Is(err, fs.ErrNotExist):
			return p, usagef("%s: there is no file %s; bailiwick scan SOURCE --allow … --save %s writes one",
				e.origin("allow-file"), printable(file), printable(file))
		case errors.Is(err, vfs.ErrPattern):
			return p, usagef("%s: %s; the file has one exact name on each line", e.origin("allow-file"), oneLine(err))
		case err != nil:
			return p, usagef("%s: cannot read %s: %s", e.origin("allow-file"), printable(file), cause(err))
		}
		p.Allow = append(p.Allow, pattern)
	}
	if r.symlinks.value == "inside" {
		p.Symlinks = vfs.SymlinksInside
	}
	return p, nil
}

func readAllowFile(file string) (vfs.Pattern, error) {
	f, err := os.Open(file)
	if err != nil {
		return vfs.Pattern{}, err
	}
	defer f.Close()
	return vfs.ReadNameSet(file, f)
}

// open opens source and puts it behind the rules. If needAllow is set, it fails without an
// allow rule. The caller closes the source.
func (r *rules) open(ctx context.Context, e *env, source string, needAllow bool, opts backends.Options) (*backends.Source, *vfs.Jail, error) {
	p, err := r.policy(e)
	if err != nil {
		return nil, nil, err
	}
	if needAllow && len(p.Allow) == 0 {
		return nil, nil, errNothingAllowed
	}
	opts.Disk.RefuseHardLinks = r.hardLinks.value == "refuse"
	src, err := backends.Open(ctx, source, opts)
	if err != nil {
		return nil, nil, sourceFailed(err)
	}
	jail, err := vfs.New(src, p)
	if err != nil {
		src.Close()
		return nil, nil, usagef("%s", oneLine(err))
	}
	return src, jail, nil
}

// errNothingAllowed says how to allow something.
var errNothingAllowed = usagef("nothing is allowed, so nothing would be let through: say which names are, for example --allow '**/*.html', or name a file of them with --allow-file")
