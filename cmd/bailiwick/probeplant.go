package main

import (
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
remove FILE" removes it, on the machine where it was planted.`,
		Example: `  bailiwick probe plant /srv/www --save planted.json
  bailiwick probe https://files.example.org/ --planted planted.json --yes-i-may
  bailiwick probe remove planted.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("plant needs one directory, the one that the server serves; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if save == "" {
				return cli.Usagef("name the file that describes what is planted: --save FILE")
			}
			return a.plant(args[0], save, rules)
		},
	}
	registerProbeRules(cmd, &rules)
	cmd.Flags().StringVar(&save, "save", "", "describe what is planted in `FILE`, which does not exist yet")
	// The variable is scan's, for another kind of file.
	cli.WithoutVariable(cmd, "save")
	return cmd
}

func (a *app) plant(dir, save string, rules probe.Rules) error {
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
	if err := errors.Join(tree.Save(f), f.Close()); err != nil {
		return cli.Usagef("cannot write %s: %s", cli.Printable(save), cli.OneLine(errors.Join(err, tree.Remove(), os.Remove(save))))
	}
	for _, line := range tree.NotPlanted() {
		a.Say("not planted: %s", cli.Printable(line))
	}
	a.Say("planted %s; bailiwick probe remove %s removes it", cli.Printable(filepath.Join(dir, tree.Name())), cli.ShellWord(save))
	return nil
}

func (a *app) probeRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove FILE",
		Short: "Remove what probe plant planted",
		Long: `Remove removes what "bailiwick probe plant" planted and described in FILE, and then FILE. A
canary that has other content by now stays.`,
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
			if err := errors.Join(tree.Remove(), os.Remove(args[0])); err != nil {
				return cli.Failf("%s", probeText(err))
			}
			return nil
		},
	}
}
