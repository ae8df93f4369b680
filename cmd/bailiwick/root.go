package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

// An app is one run of the command.
type app struct {
	cli.Streams
	*cli.Env
	running bool // the usage was correct and the command has begun its work
}

// run runs the command and returns the exit code. args are without the program's name.
// Canceling ctx ends it, a server as SIGTERM does. A server writes to stderr from several
// goroutines.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	a := &app{Streams: cli.Streams{In: stdin, Out: stdout, Err: stderr}, Env: cli.NewEnv(environ)}
	root := a.rootCommand()
	if len(args) == 1 && args[0] == "--version" {
		// Version is not a flag: every flag has a variable, and containers and scripts use
		// BAILIWICK_VERSION for something else.
		args = []string{"version"}
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.InitDefaultCompletionCmd(args...)
	makeGroup(root)
	return a.exitCode(root.ExecuteContext(ctx))
}

// exitCode reports err and returns its exit code.
func (a *app) exitCode(err error) int {
	if err == nil {
		return cli.ExitDone
	}
	var exit *cli.ExitError
	if !errors.As(err, &exit) {
		exit = &cli.ExitError{Code: cli.ExitUsage, Line: cli.OneLine(err)}
		if a.running {
			exit.Code = cli.ExitFailed
		}
	}
	if exit.Line != "" {
		a.Say("bailiwick: %s", exit.Line)
	}
	return exit.Code
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "bailiwick COMMAND",
		Short: "Serve files by name, and only the allowed names",
		Long: `Bailiwick serves files by name from a directory, an S3 bucket or memory, and serves
only the allowed names. Everything else looks like a missing file.

A SOURCE is the path of a directory, s3://BUCKET/PREFIX, or mem: (empty memory, for
trials). An S3 source takes parameters after a question mark, separated by &:
endpoint=https://HOST:PORT (default: AWS; plain http only for this machine, or with
insecure=true), region=NAME, path_style=true|false, anonymous=true for a public bucket,
bucket_owner=ACCOUNT. Credentials are found as by AWS's own tools: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role.

Rules are flags: --allow and --deny take globs ('**/*.jpg', 'docs/**'), exact names, or
re: and a regular expression. Deny overrides allow. serve, explain and scan need at
least one allow rule; ls, stat, cat, du, cp, sync and mv need none, because their user
has access to the files anyway.

Every flag has a variable: --allow-file is BAILIWICK_ALLOW_FILE. A configuration file
(serve --config) can describe several sources; "bailiwick config reference" lists its
keys. Results go to standard output, diagnostics to standard error. The exit code is 0
for success, 1 for a failure or refusal, 2 for wrong usage or configuration.`,
		Example: `  bailiwick serve ./site --allow '**/*.html' --allow '**/*.css'
  bailiwick explain ./site --allow '**/*.html' docs/a.html .env
  bailiwick scan ./site --allow '**/*.html'
  bailiwick serve 's3://bucket/site?region=eu-central-1' --allow '**/*.html'
  bailiwick cp ./site 's3://bucket/site?region=eu-central-1'
  bailiwick serve --config /etc/bailiwick/bailiwick.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				cmd.SetOut(a.Err)
				_ = cmd.Help()
				return &cli.ExitError{Code: cli.ExitUsage}
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			err := a.Apply(cmd)
			a.running = err == nil
			return err
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.serveCommand(), a.demoCommand(), a.explainCommand(), a.scanCommand(),
		a.lsCommand(), a.statCommand(), a.catCommand(), a.duCommand(), a.cpCommand(), a.syncCommand(), a.mvCommand(), a.rmCommand(), a.probeCommand(), a.signCommand(), a.configCommand(), a.usersCommand(), a.tokenCommand(), a.keysCommand(), a.hashPasswordCommand(), a.catalogCommand(), a.shareCommand(), a.vetCommand(), a.versionCommand(),
	)
	return root
}

func unknownCommand(root *cobra.Command, name string) error {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return cli.Usagef("there is no command %s; to serve that directory: bailiwick serve %s --allow '**/*.html'",
			cli.Printable(name), cli.Printable(name))
	}
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return cli.Usagef("there is no command %s; did you mean %s?", cli.Printable(name), near[0])
	}
	return cli.Usagef("there is no command %s; bailiwick --help lists them", cli.Printable(name))
}

// flagError turns cobra's error about a flag into one that says what to do.
func flagError(cmd *cobra.Command, err error) error {
	// The root command has no flags except --help: the word before the flag is the mistake.
	if args := cmd.Flags().Args(); !cmd.HasParent() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		if near := spelling.Nearest(name, cli.Mirrored(cmd)); near != "" {
			return cli.Usagef("%s; did you mean --%s?", cli.Printable(text), near)
		}
	}
	if strings.HasPrefix(text, "unknown ") {
		text += " (write -- before a name that begins with a dash)"
	}
	return cli.Usagef("%s; see %s --help", cli.Printable(text), cmd.CommandPath())
}

// helpCommand is cobra's, except that an unknown topic is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}

// makeGroup makes "completion" without a shell, or with an unknown one, a usage error. Cobra
// would show its help and exit with 0.
func makeGroup(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(*cobra.Command, []string) error {
			return cli.Usagef("completion needs one shell: bailiwick completion bash, zsh, fish or powershell")
		}
	}
}
