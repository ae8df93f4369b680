package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// explainFlags are what explain takes besides the rules.
type explainFlags struct {
	rules   cli.Rules
	op      cli.Choice
	decoded cli.Toggle
	json    cli.Toggle

	config, host string // with a configuration in the place of a SOURCE
	as           string // with a configuration or access rules
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain SOURCE [rules] NAME… | explain --config FILE [--as USER] NAME…",
		Short: "Show whether a name is allowed, and by which rule or why not",
		Long: `Explain prints the verdict that a request for each NAME would get. A NAME is a URL path
as sent in a request, without its leading slash, or with --decoded a plain name. Each
line has the verdict, the name, the rule that allows it or the reason for the refusal,
and an explanation. An allowed name need not exist.

With --config, a NAME is the full path of a request, and the mount that the request would
reach decides: for an anonymous request, or with --as for a user with the groups in the
file. The access rule that grants the operation comes last in the line. With --access,
this works for a SOURCE, too.

The exit code is 0 if all names are allowed, 1 if any is refused.`,
		Example: `  bailiwick explain ./site --allow '**/*.html' docs/a%20b.html ..%2fetc/passwd
  bailiwick explain ./site --allow '**' --op list docs/
  bailiwick explain ./site --allow '**' --decoded --json 'docs/a b.html'
  bailiwick explain ./home --allow '**' --access 'authenticated can read {user}/**' --as alice alice/a.txt
  bailiwick explain --config bailiwick.yaml --as alice --op write home/alice/a.txt`,
		Args:              a.explainArguments,
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			var e *daemon.Explainer
			var err error
			switch ruled := a.hasAccess(cmd); {
			case a.explainFile(cmd) != "":
				e, err = a.newConfigExplainer(cmd, &f)
			case f.host != "" || f.as != "" && !ruled:
				flag := "host"
				if f.as != "" && !ruled {
					flag = "as"
				}
				return cli.Usagef("%s applies to the users and hosts of a configuration; name its file with --config", a.Origin(flag))
			case ruled:
				e, err = a.newSourceExplainer(cmd, args[0], &f)
				args = args[1:]
			default:
				return a.explain(cmd.Context(), args[0], args[1:], &f)
			}
			if err != nil {
				return err
			}
			defer e.Close()
			return a.printVerdicts(args, bool(f.json), func(name string) (explain.Verdict, error) {
				return e.Explain(cmd.Context(), name, bool(f.decoded))
			})
		},
	}
	f.rules.Register(cmd)
	f.rules.RegisterHardLinks(cmd, "serve", "")
	registerAccess(cmd)
	f.op = cli.Choice{Value: "read", Words: []string{"read", "list", "write", "delete", "upload"}}
	cmd.Flags().Var(&f.op, "op", "the operation")
	cli.CompleteWords(cmd, "op", f.op.Words)
	cli.AddToggle(cmd, &f.decoded, "decoded", "", "NAME is a plain name, not the path of a URL")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	cmd.Flags().StringVar(&f.config, "config", "", "use the mounts of a configuration `FILE` instead of a SOURCE")
	cmd.Flags().StringVar(&f.as, "as", "", "evaluate for this `USER`; requires --config or --access (default: anonymous)")
	cmd.Flags().StringVar(&f.host, "host", "", "the `HOST` of the request (default: an accepted host that has no mount of its own)")
	// Its variable is that of serve --host, which is a list of hosts to answer.
	cli.WithoutVariable(cmd, "host")
	return cmd
}

func (a *app) explain(ctx context.Context, source string, names []string, f *explainFlags) error {
	defer f.rules.HoldOwn()()
	src, jail, err := f.rules.Open(ctx, a.Env, source, cli.UnruledNothing, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	a.SayIgnored(src)
	return a.printVerdicts(names, bool(f.json), func(name string) (explain.Verdict, error) {
		return explain.EvaluateWritten(ctx, jail, src, vfs.Op(f.op.Value), name, bool(f.decoded)), nil
	})
}

// printVerdicts prints a line for each name, and fails if one of them is refused.
func (a *app) printVerdicts(names []string, asJSON bool, judge func(name string) (explain.Verdict, error)) error {
	out := cli.NewLineWriter(a.Out)
	refused := false
	for _, name := range names {
		v, err := judge(name)
		if err != nil {
			return errors.Join(err, out.Close())
		}
		v.Write(out, asJSON)
		refused = refused || v.Reason != ""
	}
	if err := out.Close(); err != nil {
		return err
	}
	if refused {
		return cli.ErrReported
	}
	return nil
}
