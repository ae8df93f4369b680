package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
)

// serveFlags are the flags of serve. Each sets a key of the configuration, by config.Flags,
// except config itself and strict.
type serveFlags struct {
	rules     cli.Rules
	list      cli.Toggle
	noIndex   cli.Toggle
	content   cli.Choice
	page      cli.Choice
	precomp   cli.Toggle
	maxAge    cli.Duration
	listen    []string
	admin     string
	accessLog string
	drain     cli.Duration
	write     cli.Toggle
	intake    intakeFlags
	uploads   cli.Toggle
	catalog   string
	landlock  cli.Choice

	config string // the file
	strict cli.Toggle
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve SOURCE… --allow GLOB … | serve --config FILE",
		Short: "Serve a source over HTTP",
		Long: `Serve serves the names that the rules allow, by GET and HEAD. Everything else gets the
same 404. A directory is served as its index.html, or with --list as its listing. With
--write, clients can change the allowed names by PUT, DELETE, COPY and MOVE, and the
content is treated as other people's.

Several SOURCEs are one tree: each name is served from the first one that has it, and
--write changes only the first.

With --uploads, the server names the files that clients POST. The catalog keeps their
original names.

Without --access, anyone who can reach the address can do all this. With --access,
everything that no access rule grants is refused. A rule is WHO can WHAT NAME. WHO is
anyone, authenticated, owner (of an upload), user:NAME, group:NAME or claim:KEY=VALUE.
WHAT is any of read,list,write,delete,upload,share. NAME is one pattern, in which {user}
stands for the user's name; without it, the rule applies to all names.

A configuration file can set everything that flags can, and can have several mounts.
Flags override variables, which override the file.

The server is ready when it prints "listening on http://ADDRESS" to standard error.
SIGTERM and SIGINT let running transfers finish; a second signal cuts them. SIGHUP
rereads the configuration and all files that it names, and reopens the access log; if
anything is invalid, nothing changes.`,
		Example:           serveExamples(),
		Args:              a.serveArguments,
		ValidArgsFunction: cli.CompleteSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serve(cmd, args, &f)
		},
	}
	f.rules.Register(cmd)
	f.rules.RegisterHardLinks(cmd, "", " (default: refuse with --write or --uploads, else serve)")
	f.content = cli.Choice{Value: "", Words: []string{"trusted", "untrusted"}}
	f.page = cli.Choice{Value: "", Words: []string{"full", "plain", "off"}}
	f.drain = cli.Duration(15 * time.Second)
	flags := cmd.Flags()
	cli.AddToggle(cmd, &f.list, "list", "", "serve listings of directories, with the names that the rules allow")
	flags.Var(&f.page, "page", "what browsers get for a listing: a page to browse and change files (full, the default), a table (plain), or JSON (off)")
	cli.CompleteWords(cmd, "page", f.page.Words)
	flags.String("page-title", "", "the `NAME` of the site on the page")
	flags.String("page-logo", "", "an image for the page: a `FILE`, PNG, JPEG, GIF, WebP or SVG")
	flags.String("page-color", "", "the `COLOR` of links and buttons on the page, #rrggbb")
	flags.StringArray("index", nil, "serve this `NAME` for its directory, instead of index.html (repeat for more; the first that exists counts)")
	cli.AddToggle(cmd, &f.noIndex, "no-index", "", "do not serve an index file for a directory")
	flags.String("fallback", "", "serve this `NAME`, with status 200, for allowed names that do not exist, as a single-page application needs it")
	flags.StringArray("fallback-for", nil, "restrict --fallback to names that match this `GLOB` (repeat for more)")
	flags.String("not-found", "", "send this HTML file of the source, a `NAME`, with every 404")
	flags.String("mount-path", "/", "serve the source at this `PATH` only, such as /docs")
	flags.String("mount-host", "", "serve the source for this `HOST` only (default: any)")
	flags.Var(&f.content, "content", "treat the files as your own (trusted, the default), or as other people's (untrusted, the default with --write): then browsers download pages instead of showing them")
	cli.CompleteWords(cmd, "content", f.content.Words)
	flags.StringArray("inline", nil, "let browsers show these media types of untrusted content as well: a `LIST` such as application/pdf (repeat for more)")
	cli.AddToggle(cmd, &f.write, "write", "", "let clients create, replace and delete the names that the rules allow, by PUT, DELETE, COPY and MOVE")
	f.intake.register(cmd)
	cli.AddToggle(cmd, &f.uploads, "uploads", "", "store files that clients POST under generated names; requires --catalog, excludes --allow")
	flags.StringVar(&f.catalog, "catalog", "", catalogs.FlagUsage)
	registerCache(cmd)
	cli.AddToggle(cmd, &f.precomp, "precompressed", "", "send NAME.br, NAME.zst or NAME.gz for NAME if the rules allow it and the client accepts it")
	flags.Var(&f.maxAge, "max-age", "how long clients may cache a file without revalidation; 0s: they always revalidate")
	flags.StringArrayVar(&f.listen, "listen", []string{"127.0.0.1:8080"}, "`ADDRESS` to listen on; port 0 takes a free one (repeat for more)")
	flags.StringArray("host", nil, "also accept requests for this `HOST`; a loopback address accepts only localhost, 127.0.0.1 and [::1], any other address accepts every host unless some are listed (repeat for more)")
	flags.StringVar(&f.admin, "admin", "", "`ADDRESS` of /livez, /readyz and /metrics; keep it private (default: none)")
	flags.StringVar(&f.accessLog, "access-log", "-", "append a record of every request to `FILE`; - is standard error, syslog: and journal: are the system's logs, off disables the log")
	f.landlock = cli.Choice{Value: "auto", Words: []string{"auto", "off"}}
	flags.Var(&f.landlock, "landlock", "confine the process to the directories it needs (Linux); auto: if the kernel supports it")
	cli.CompleteWords(cmd, "landlock", f.landlock.Words)
	registerPublic(cmd)
	flags.StringVar(&f.config, "config", "", "read the configuration from `FILE`")
	cli.AddToggle(cmd, &f.strict, "strict", "", strictUsage)
	cmd.SetUsageFunc(serveUsage)
	flags.Var(&f.drain, "drain", "how long running transfers may take after SIGTERM")
	return cmd
}

// serveArguments accepts SOURCEs, or none if there is a configuration file.
func (a *app) serveArguments(cmd *cobra.Command, args []string) error {
	file, err := cmd.Flags().GetString("config")
	if err == nil && len(args) == 0 && (file != "" || a.Variable(cli.ConfigVariable) != "") {
		return nil
	}
	return cli.SourcesArguments(cmd, args)
}

func (a *app) serve(cmd *cobra.Command, args []string, f *serveFlags) error {
	given := a.Given(cmd)
	if len(args) > 0 {
		given = append(given, config.Given{Key: config.SourceKey, Values: args, Origin: "SOURCE"})
	}
	file := f.config
	if file == "" {
		file = a.Variable(cli.ConfigVariable)
	}
	if file == "" && !bool(f.uploads) {
		switch {
		case f.catalog != "":
			return cli.Usagef("%s is for uploads: add --uploads, or leave it out", a.Origin("catalog"))
		case len(f.rules.Allow)+len(f.rules.AllowFiles) == 0:
			return cli.ErrNothingAllowed
		}
	}
	return daemon.Serve(cmd.Context(), a.Streams, a.Env, file, given, bool(f.strict))
}
