package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// Rules are the flags from which a command makes its policy.
type Rules struct {
	Allow, Deny, AllowFiles []string
	Symlinks                Choice
	HardLinks               Choice // zero in commands without --hard-links
}

// Register adds the flags to cmd.
func (r *Rules) Register(cmd *cobra.Command) {
	r.Symlinks = Choice{"refuse", []string{"refuse", "inside"}}
	flags := cmd.Flags()
	flags.StringArrayVar(&r.Allow, "allow", nil, "allow names that match `GLOB` (repeat for more; 're:…' is a regular expression)")
	flags.StringArrayVar(&r.Deny, "deny", nil, "refuse names that match `GLOB` and everything below them; overrides --allow (repeat for more)")
	flags.StringArrayVar(&r.AllowFiles, "allow-file", nil, "allow the exact names in `FILE`, one per line, as written by scan --save (repeat for more)")
	flags.Var(&r.Symlinks, "symlinks", "symbolic links: refuse them, or follow those whose target is inside the source and allowed itself")
	CompleteWords(cmd, "symlinks", r.Symlinks.Words)
}

// RegisterHardLinks adds --hard-links with a default, "" if the configuration decides. The
// note is appended to its help text.
func (r *Rules) RegisterHardLinks(cmd *cobra.Command, otherwise, note string) {
	r.HardLinks = Choice{otherwise, []string{"refuse", "serve"}}
	cmd.Flags().Var(&r.HardLinks, "hard-links", "files with more than one hard link: refuse or serve them"+note)
	CompleteWords(cmd, "hard-links", r.HardLinks.Words)
}

// HoldOwn marks the files of --allow-file as the process's own, as a server would, until
// release is called. No source shows such a file.
func (r *Rules) HoldOwn() (release func()) {
	var files []ownfile.File
	for _, file := range r.AllowFiles {
		files = append(files, ownfile.File{Path: file})
	}
	return ownfile.Hold(files...)
}

// Policy compiles the rules. Without any, a program that copies a source also sees what a
// server keeps there for itself. It reads the files of --allow-file each time.
func (r *Rules) Policy(e *Env) (vfs.Policy, error) {
	var p vfs.Policy
	for _, src := range r.Allow {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, Usagef("%s: %s", e.Origin("allow"), OneLine(err))
		}
		p.Allow = append(p.Allow, pattern)
	}
	for _, src := range r.Deny {
		pattern, err := vfs.ParsePattern(src)
		if err != nil {
			return p, Usagef("%s: %s", e.Origin("deny"), OneLine(err))
		}
		p.Deny = append(p.Deny, pattern)
	}
	for _, file := range r.AllowFiles {
		pattern, err := readAllowFile(file)
		switch {
		case file == "":
			return p, Usagef("%s: write the name of a file", e.Origin("allow-file"))
		case errors.Is(err, fs.ErrNotExist):
			return p, Usagef("%s: there is no file %s; bailiwick scan SOURCE --allow … --save %s writes one",
				e.Origin("allow-file"), Printable(file), Printable(file))
		case errors.Is(err, vfs.ErrPattern):
			return p, Usagef("%s: %s; the file has one exact name on each line", e.Origin("allow-file"), OneLine(err))
		case err != nil:
			return p, Usagef("%s: cannot read %s: %s", e.Origin("allow-file"), Printable(file), Cause(err))
		}
		p.Allow = append(p.Allow, pattern)
	}
	if len(p.Allow) > 0 {
		p.Deny = append(p.Deny, config.Whiteouts()...) // as a server with these rules
	}
	if r.Symlinks.Value == "inside" {
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

// An Unruled is what a command allows if no allow rule is given.
type Unruled uint8

const (
	UnruledNothing    Unruled = iota // nothing, as a server
	UnruledWrong                     // wrong usage: the command fails with ErrNothingAllowed
	UnruledVisible                   // every name that has no element beginning with a dot
	UnruledEverything                // every name
)

// Allow returns the patterns that replace the missing allow rules.
func (u Unruled) Allow() []vfs.Pattern {
	switch u {
	case UnruledVisible:
		return vfs.Patterns("**")
	case UnruledEverything:
		return vfs.Patterns(`re:(\.?[^/]+/)*\.?[^/]+`)
	}
	return nil
}

// Ruled reports whether there is an allow rule.
func (r *Rules) Ruled() bool { return len(r.Allow)+len(r.AllowFiles) > 0 }

// Open opens source and puts it behind the rules. Without an allow rule, unruled decides.
// The caller closes the source.
func (r *Rules) Open(ctx context.Context, e *Env, source string, unruled Unruled, opts backends.Options) (*backends.Source, *vfs.Jail, error) {
	return r.OpenTree(ctx, e, []string{source}, unruled, opts)
}

// OpenTree is Open for several sources as one tree, the first on top.
func (r *Rules) OpenTree(ctx context.Context, e *Env, sources []string, unruled Unruled, opts backends.Options) (*backends.Source, *vfs.Jail, error) {
	p, err := r.Policy(e)
	if err != nil {
		return nil, nil, err
	}
	if len(p.Allow) == 0 {
		if unruled == UnruledWrong {
			return nil, nil, ErrNothingAllowed
		}
		p.Allow = unruled.Allow()
	}
	opts.Disk.RefuseHardLinks = r.HardLinks.Value == "refuse"
	if err := checkTree(sources); err != nil {
		return nil, nil, err
	}
	src, err := backends.OpenOverlay(ctx, sources, opts)
	if err != nil {
		return nil, nil, SourceError(err)
	}
	jail, err := vfs.New(src, p)
	if err != nil {
		src.Close()
		return nil, nil, Usagef("%s", OneLine(err))
	}
	return src, jail, nil
}

// checkTree refuses sources of one tree that share files.
func checkTree(sources []string) error {
	var survey overlap.Survey
	for j, source := range sources {
		for _, earlier := range sources[:j] {
			if how := survey.Locate(source).Shares(survey.Locate(earlier)); how != "" {
				return Usagef("%s", overlap.InOneTree(Printable(source), how, Printable(earlier)))
			}
		}
	}
	return nil
}

// ErrNothingAllowed is the usage error of a command that needs an allow rule.
var ErrNothingAllowed = Usagef("nothing is allowed: allow names, for example --allow '**/*.html', or list them in a file with --allow-file")
