package main

import (
	"context"
	"net"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// serveFlags are what serve takes besides the rules.
type serveFlags struct {
	rules     rules
	list      toggle
	noIndex   toggle
	content   choice
	precomp   toggle
	maxAge    span
	listen    []string
	admin     string
	accessLog string
	drain     span
	write     toggle
	intake    intakeFlags
	uploads   uploadFlags
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve SOURCE --allow GLOB …",
		Short: "Serve a source over HTTP",
		Long: `Serve answers GET and HEAD for the names that the rules let through; everything
else is one and the same 404. A directory is answered with its index.html, or with
--list by its listing. With --write, PUT and DELETE change what the rules let through;
anybody who can reach the address may then do so, and what they put is taken for other
people's content. With --uploads, POST / stores files under names that the server makes,
and what users call them is kept in the --catalog.

It is ready when standard error has the line "listening on http://ADDRESS". SIGTERM
and SIGINT let running transfers finish, a second one does not. SIGHUP reads
the files of --allow-file again and reopens the access log; if a file is wrong, all
stays as it was.`,
		Example: `  bailiwick serve ./site --allow '**/*.html' --allow '**/*.css'
  bailiwick serve ./photos --allow '**/*.jpg' --deny private --list
  bailiwick serve /srv/www --allow-file exposed.txt --listen :8080 --admin 127.0.0.1:9090
  bailiwick serve ./site --allow '**' --allow '.well-known/**' --access-log access.jsonl
  bailiwick serve ./inbox --allow '**' --write --types 'image/*,application/pdf' --max-upload 20MiB
  bailiwick serve /srv/uploads --uploads --catalog sqlite:/var/lib/bailiwick/uploads.db`,
		Args:              sourceArguments(0, 0, ""),
		ValidArgsFunction: completeSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serve(cmd.Context(), args[0], &f)
		},
	}
	f.rules.register(cmd)
	f.content = choice{"", []string{"trusted", "untrusted"}}
	f.drain = span(15 * time.Second)
	flags := cmd.Flags()
	addToggle(cmd, &f.list, "list", "", "answer a directory with the names in it that are let through")
	addToggle(cmd, &f.noIndex, "no-index", "", "do not answer a directory with its index.html")
	flags.Var(&f.content, "content", "whose the files are: your own (trusted, the default), or other people's (untrusted, the default with --write), whose pages are downloaded and not shown")
	completeWords(cmd, "content", f.content.words)
	addToggle(cmd, &f.write, "write", "", "let clients create, replace and delete what the rules let through, by PUT and DELETE")
	f.intake.register(cmd)
	f.uploads.register(cmd)
	addToggle(cmd, &f.precomp, "precompressed", "", "send NAME.br, NAME.zst or NAME.gz for NAME where it is let through and the client can use it")
	flags.Var(&f.maxAge, "max-age", "how long clients may use a file without asking again; 0s: they ask each time")
	flags.StringArrayVar(&f.listen, "listen", []string{"127.0.0.1:8080"}, "`ADDRESS` to listen on; port 0 takes a free one (repeat for more)")
	flags.StringVar(&f.admin, "admin", "", "`ADDRESS` for /livez, /readyz and /metrics; not for the public (default: none)")
	flags.StringVar(&f.accessLog, "access-log", "-", "append a record of every request to `FILE`; - is standard error, off is none")
	flags.Var(&f.drain, "drain", "how long running transfers may take after SIGTERM")
	return cmd
}

// serve runs a server until it is told to end.
func (a *app) serve(ctx context.Context, source string, f *serveFlags) error {
	for _, addr := range f.listen {
		if err := a.checkAddress("listen", addr); err != nil {
			return err
		}
	}
	if f.admin != "" {
		if err := a.checkAddress("admin", f.admin); err != nil {
			return err
		}
	}
	if err := a.checkUploads(f); err != nil {
		return err
	}
	// Whoever reads standard error may go away once the server is ready. The
	// server must not end with its first record after that.
	signal.Ignore(syscall.SIGPIPE)
	signals := catchSignals()
	defer signal.Stop(signals)

	s, err := a.newService(ctx, source, f)
	if err != nil {
		return err
	}
	defer s.close()
	s.tellExposure(ctx)
	s.tellWrites()
	if s.uploads != nil {
		s.startSweeping(ctx)
	}
	s.start()
	return s.run(ctx, signals)
}

// checkAddress refuses what cannot be listened on anywhere.
func (a *app) checkAddress(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return usagef("%s: %s is no address; write HOST:PORT such as 127.0.0.1:8080, or :8080 for all interfaces",
			a.origin(flag), printable(addr))
	}
	return nil
}
