package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/vet"
)

// vetFlags are the flags of vet.
type vetFlags struct {
	explain string
	json    cli.Toggle
}

func (a *app) vetCommand() *cobra.Command {
	var f vetFlags
	cmd := &cobra.Command{
		Use:   "vet [PACKAGES]",
		Short: "Find unsafe file serving in Go code",
		Long: `Vet finds places in Go code where a name that comes from outside is used as a path, and
file servers that follow links or serve everything. It prints a line for each place, with
the ID of the finding; --explain describes an ID, and what to do instead.

PACKAGES are named as for go vet, which vet runs (default: the package in the current
directory). Settings for the build are variables: GOFLAGS=-tags=NAME, GOOS. Tests are not
checked. The exit code is 0 if nothing was found, 1 if something was, 2 for wrong usage,
an interruption, a go command older than 1.26, or code that does not build.

The comment "//bailiwick:ignore ID reason" at the end of a line silences an ID there; on a
line of its own, it silences the ID on the next line.`,
		Example: `  bailiwick vet ./...
  bailiwick vet --explain BW001
  go vet -vettool=$(command -v bailiwick) ./...`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.explain != "" {
				return a.explainFinding(f.explain, args)
			}
			return a.vet(cmd.Context(), args, bool(f.json))
		},
	}
	cmd.Flags().StringVar(&f.explain, "explain", "", "describe the finding `ID`, such as BW001")
	cli.WithoutVariable(cmd, "explain")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	var ids []string
	for _, id := range vet.IDs {
		ids = append(ids, string(id))
	}
	cli.CompleteWords(cmd, "explain", ids)
	return cmd
}

// explainFinding prints the description of an ID.
func (a *app) explainFinding(id string, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("--explain takes no PACKAGES; remove %s", cli.Printable(args[0]))
	}
	text, ok := vet.Explain(vet.ID(strings.ToUpper(id)))
	if !ok {
		return cli.Usagef("there is no finding %s; the IDs are %s to %s", cli.Printable(id), vet.IDs[0], vet.IDs[len(vet.IDs)-1])
	}
	return a.Print(text)
}

func (a *app) vet(ctx context.Context, packages []string, asJSON bool) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	tool, err := os.Executable()
	if err != nil {
		return cli.Failf("the path of this program: %s", cli.Cause(err))
	}
	found, err := vet.Check(ctx, tool, packages, a.Err)
	if ctx.Err() != nil {
		return cli.Usagef("interrupted") // 1 would mean findings
	}
	out := cli.NewLineWriter(a.Out)
	for _, finding := range found {
		if asJSON {
			out.JSON(finding)
		} else {
			out.Line(cli.Printable(finding.String()))
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	switch {
	case errors.Is(err, vet.ErrIncomplete):
		return cli.Usagef("%v: see above", err)
	case err != nil:
		return cli.Usagef("%s", cli.OneLine(err))
	case len(found) > 0:
		return cli.ErrReported
	}
	return nil
}
