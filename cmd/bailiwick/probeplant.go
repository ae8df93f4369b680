package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/probe"
)

func (a *app) probePlantCommand() *cobra.Command {
	var rules probe.Rules
	var save string
	cmd := &cobra.Command{
		Use:   "plant DIR --save FILE",
		Short: "Plant what probe attacks, and leave it",
		Long: `Plant makes what probe --plant makes, describes it in FILE, and leaves it there. With that
file, probe --planted FILE can attack from another machine. Afterwards, "bailiwick probe
remove FILE" removes it, on the machine where it was planted. An interruption leaves
nothing.`,
		Example: `  bailiwick probe plant /srv/www --save planted.json
  bailiwick probe https://files.example.org/ --planted planted.json --yes-i-may
  bailiwick probe remove planted.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("plant needs one directory, the one that the server serves; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if save == "" {
				return cli.Usagef("name the file that describes what is planted: --save FILE")
			}
			return a.plant(cmd.Context(), args[0], save, rules)
		},
	}
	registerProbeRules(cmd, &rules)
	cmd.Flags().StringVar(&save, "save", "", "describe what is planted in `FILE`, which does not exist yet")
	// The variable is scan's, for another kind of file.
	cli.WithoutVariable(cmd, "save")
	return cmd
}

func (a *app) plant(ctx context.Context, dir, save string, rules probe.Rules) error {
	// Planting is short. A signal during it undoes it.
	cli.IgnoreBrokenPipes()
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	// The file comes first: without it, nobody would know what to remove.
	f, err := os.OpenFile(save, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return cli.Usagef("%s exists: it may describe what is still planted; remove that with bailiwick probe remove %s, or name another file",
			cli.Printable(save), cli.ShellWord(save))
	case err != nil:
		return cli.Usagef("cannot write %s: %s", cli.Printable(save), cli.Cause(err))
	}
	tree, err := plantTree(dir, rules)
	if err != nil {
		f.Close()
		os.Remove(save)
		return err
	}
	err = errors.Join(tree.Save(f), f.Close())
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return undone(ctx, save, err, tree.Remove())
	}
	for _, line := range tree.NotPlanted() {
		a.Say("not planted: %s", cli.Printable(line))
	}
	a.Say("planted %s; bailiwick probe remove %s removes it", cli.Printable(filepath.Join(dir, tree.Name())), cli.ShellWord(save))
	return nil
}

// undone returns the error of a planting that failed or was interrupted, after the tree was
// removed. The description stays if the tree does.
func undone(ctx context.Context, save string, err, left error) error {
	if left == nil {
		left = os.Remove(save)
	}
	switch {
	case left != nil && ctx.Err() != nil:
		return cli.Usagef("planting was interrupted; %s", probeText(left))
	case ctx.Err() != nil:
		return cli.Usagef("planting was interrupted; nothing is left")
	}
	return cli.Usagef("cannot write %s: %s", cli.Printable(save), cli.OneLine(errors.Join(err, left)))
}

func (a *app) probeRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove FILE",
		Short: "Remove what probe plant planted",
		Long: `Remove removes what "bailiwick probe plant" planted and described in FILE, and then FILE. A
canary whose content has changed stays. If something could not be removed, or nothing
of it is there, as on another machine, FILE stays, too.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("remove needs one file, written by bailiwick probe plant; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			tree, err := loadTree(args[0])
			if err != nil {
				return err
			}
			if !tree.Present() {
				return cli.Failf("nothing that %s describes is on this machine; remove it where it was planted, or delete the file if it is gone",
					cli.Printable(args[0]))
			}
			if err := tree.Remove(); err != nil {
				return cli.Failf("%s", probeText(err))
			}
			if err := os.Remove(args[0]); err != nil {
				return cli.Failf("cannot delete %s: %s", cli.Printable(args[0]), cli.Cause(err))
			}
			return nil
		},
	}
}
