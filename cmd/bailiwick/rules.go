package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

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

// completeWords lets a shell complete the words of a flag.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// policy compiles the rules. It reads the files of --allow-file each time.
func (a *app) policy(r *rules) (vfs.Policy, error) {
	var p vfs.Policy
	for _, src := range r.allow {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, usagef("%s: %s", a.origin("allow"), oneLine(err))
		}
		p.Allow = append(p.Allow, pattern)
	}
	for _, src := range r.deny {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, usagef("%s: %s", a.origin("deny"), oneLine(err))
		}
		p.Deny = append(p.Deny, pattern)
	}
	for _, file := range r.allowFiles {
		pattern, err := readAllowFile(file)
		switch {
		case file == "":
			return p, usagef("%s: write the name of a file", a.origin("allow-file"))
		case errors.Is(err, fs.ErrNotExist):
			return p, usagef("%s: there is no file %s; bailiwick scan SOURCE --allow … --save %s writes one",
				a.origin("allow-file"), printable(file), printable(file))
		case errors.Is(err, vfs.ErrPattern):
			return p, usagef("%s: %s; the file has one exact name on each line", a.origin("allow-file"), oneLine(err))
		case err != nil:
			return p, usagef("%s: cannot read %s: %s", a.origin("allow-file"), printable(file), cause(err))
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

// oneLine is the text of an error about something that a user wrote, which may
// hold line ends and worse.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, err.Error())
}

// open opens source, to read, and puts it behind the rules. Without an allow rule
// it fails if the command needs one. The caller closes the source.
func (a *app) open(ctx context.Context, source string, r *rules, needAllow bool) (*backends.Source, *vfs.Jail, error) {
	return a.openWith(ctx, source, r, needAllow, backends.Options{})
}

func (a *app) openWith(ctx context.Context, source string, r *rules, needAllow bool, opts backends.Options) (*backends.Source, *vfs.Jail, error) {
	p, err := a.policy(r)
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

// sourceArguments checks for a SOURCE and what else a command takes: from min to
// max further arguments, max -1 for any number, described by what.
func sourceArguments(min, max int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s needs a SOURCE, the path of a directory or s3://BUCKET/PREFIX; see %s --help", cmd.Name(), cmd.CommandPath())
		case len(args)-1 < min:
			return usagef("%s needs %s after the SOURCE; see %s --help", cmd.Name(), what, cmd.CommandPath())
		case max >= 0 && len(args)-1 > max:
			return usagef("%s does not know what to do with %s; if a pattern was meant, quote it, for the shell has expanded it: --allow '**/*.html'",
				cmd.Name(), printable(args[max+1]))
		}
		return nil
	}
}

// completeSource lets a shell complete the SOURCE, and no names after it.
func completeSource(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// errNothingAllowed says how to allow something.
var errNothingAllowed = usagef("nothing is allowed, so nothing would be let through: say which names are, for example --allow '**/*.html', or name a file of them with --allow-file")
