package main

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/prober"
	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// probeFlags are the flags of probe.
type probeFlags struct {
	rules          probe.Rules
	plant, planted string
	prefix         string
	headers, skip  []string
	rate           probeRate
	timeout        cli.Duration
	json, may      cli.Toggle
}

// A probeRate is a flag whose value is a rate of requests.
type probeRate struct{ config.Rate }

func (r *probeRate) Type() string { return "RATE" }

func (r *probeRate) Set(text string) error {
	rate, err := config.ParseRate(text)
	if err != nil {
		return err
	}
	r.Rate = rate
	return nil
}

// registerProbeRules adds the flags that say what the server is to serve.
func registerProbeRules(cmd *cobra.Command, r *probe.Rules) {
	cmd.Flags().StringArrayVar(&r.Allow, "allow", nil, "the server lets names through that match `GLOB` (repeat for more); without it, all but dotfiles")
	cmd.Flags().StringArrayVar(&r.Deny, "deny", nil, "the server refuses names that match `GLOB` and everything below them (repeat for more)")
}

func (a *app) probeCommand() *cobra.Command {
	f := probeFlags{rate: probeRate{config.Rate{Count: 100, Per: time.Second}}, timeout: cli.Duration(5 * time.Second)}
	cmd := &cobra.Command{
		Use:   "probe URL --plant DIR",
		Short: "Attack a server that serves a directory, and report what it gives away",
		Long: `Probe attacks a running server: nginx, Caddy, Flask, Express, bailiwick, or any other that
serves the files of DIR at URL. It plants a directory in DIR, with files, links, a FIFO
and odd names, and canaries beside it, in DIR's parent and in the temporary directory.
Then it asks the server for them in several hundred ways, and removes everything, even
after an interruption. What could not be planted is listed.

It prints a line for each kind of finding: holds, finding (with a curl command that shows
it) or left out. The kinds are:
  escape         a file outside DIR
  hidden         a file that the rules (--allow, --deny) do not let through
  dotfile        a file whose name, or whose directory's, begins with a dot
  symlink        what a symbolic link leads to, outside or not let through
  listing        the name of something that is not served
  oracle         that a name exists: its response differs from that for a missing one
  error          a 5xx status, or no response
  hang           a response that does not end, or a thread that waits for a FIFO
  redirect       a redirect to another host
  method         a change or content by POST, PUT, PATCH or DELETE
  sniff          active content without X-Content-Type-Options: nosniff
  header         a header field or parameter injected by a name
  range          a response far larger than the file
  double-decode  a path that is percent-decoded twice
  legal          a file that must be served and is not

Patterns are relative to DIR. If the server lets only certain directories through, plant
in one of those: probe URL/docs --plant DIR/docs.

If the server runs on another machine, "probe plant DIR --save FILE" plants there;
--planted FILE attacks with that file from here, and "probe remove FILE" removes there.

Only the host in URL is asked, at the address that its name has at the start; redirects
are not followed. A host that is neither loopback nor private needs --yes-i-may.

The exit code is 0 if nothing was found, 1 for findings, 2 if the attack was not possible
or was interrupted, or the report could not be written.`,
		Example: `  bailiwick probe http://127.0.0.1:8080/ --plant /srv/www
  bailiwick probe http://127.0.0.1:8080/static --plant ./static --allow '**/*.css' --skip listing
  bailiwick probe https://files.example.org/ --planted planted.json --yes-i-may`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return cli.Usagef("probe needs the URL of a server, and its directory: bailiwick probe http://127.0.0.1:8080/ --plant DIR")
			case len(args) > 1:
				return cli.Usagef("probe takes one URL, and got %s, too; %s", cli.Printable(args[1]), cli.QuotePattern("allow", args[1:]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.probe(cmd.Context(), args[0], &f)
		},
	}
	flags := cmd.Flags()
	registerProbeRules(cmd, &f.rules)
	flags.StringVar(&f.plant, "plant", "", "the directory `DIR` that the server serves; a new directory in it is attacked")
	flags.StringVar(&f.planted, "planted", "", "attack what probe plant planted and described in `FILE`")
	flags.StringVar(&f.prefix, "prefix", "", "the server serves the directory at `PATH`, below that of the URL")
	flags.StringArrayVar(&f.headers, "header", nil, "send the field `'NAME: VALUE'` with each request (repeat for more)")
	flags.StringArrayVar(&f.skip, "skip", nil, "leave out the findings of `KIND` (repeat for more)")
	cli.CompleteWords(cmd, "skip", kindNames())
	flags.Var(&f.rate, "max-rate", "send requests at most at this rate, such as 100/s, or off")
	flags.Var(&f.timeout, "response-timeout", "a response that takes longer is a finding of the kind hang")
	cli.AddToggle(cmd, &f.json, "json", "", "print the whole report as one JSON object")
	cli.AddToggle(cmd, &f.may, "yes-i-may", "", "attack a host that is neither loopback nor private; use it only if you are entitled to")
	// It is said for one host, and not for all that come.
	cli.WithoutVariable(cmd, "yes-i-may")
	cmd.AddCommand(a.probePlantCommand(), a.probeRemoveCommand())
	return cmd
}

func kindNames() []string {
	var names []string
	for _, k := range probe.Kinds() {
		names = append(names, string(k))
	}
	return names
}

func (a *app) probe(ctx context.Context, url string, f *probeFlags) (err error) {
	opts, err := a.probeOptions(f)
	if err != nil {
		return err
	}
	switch {
	case f.plant != "" && f.planted != "":
		return cli.Usagef("%s and %s cannot be combined", a.Origin("plant"), a.Origin("planted"))
	case f.plant == "" && f.planted == "":
		return cli.Usagef("name the directory that the server serves with --plant DIR")
	case f.planted != "" && len(f.rules.Allow)+len(f.rules.Deny) > 0:
		return cli.Usagef("the rules are those of probe plant: omit --allow and --deny")
	}
	// From here on, a signal ends the attack and not the process.
	cli.IgnoreBrokenPipes()
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	host, err := prober.Resolve(ctx, net.DefaultResolver, url, f.prefix, bool(f.may))
	if err != nil {
		return err
	}
	opts.Dial = host.Dial
	var tree *probe.Tree
	if err := ctx.Err(); err != nil {
		return probeFailed(ctx, err)
	}
	if f.planted != "" {
		tree, err = loadTree(f.planted)
	} else if tree, err = plantTree(f.plant, f.rules); err == nil {
		defer func() {
			left := tree.Remove()
			switch {
			case left == nil:
			case err == nil:
				err = cli.Usagef("%s", probeText(left))
			default:
				a.Say("%s", probeText(left))
			}
		}()
	}
	if err != nil {
		return err
	}
	return a.attack(ctx, host, tree, f, opts)
}

// attack asks the server for the tree and prints the report.
func (a *app) attack(ctx context.Context, host *prober.Host, tree *probe.Tree, f *probeFlags, opts probe.Options) error {
	for _, line := range tree.NotPlanted() {
		a.Say("not planted: %s", cli.Printable(line))
	}
	if err := probe.Check(ctx, host.URL, tree, opts); err != nil {
		return probeFailed(ctx, err)
	}
	n, err := probe.Count(host.URL, tree, opts)
	if err != nil {
		return probeFailed(ctx, err)
	}
	a.Say("sending %s or a few more to %s, at most %s", cli.Count(n, "request"), cli.Printable(host.URL), f.rate)
	report, err := probe.Run(ctx, host.URL, tree, opts)
	if err != nil {
		return probeFailed(ctx, err)
	}
	out := cli.NewLineWriter(a.Out)
	if f.json {
		out.JSON(report)
	} else {
		prober.Print(out, report)
	}
	if err := out.Close(); err != nil {
		return cli.Usagef("%s", cli.OneLine(err)) // 1 would mean findings
	}
	a.Say("%s", prober.Summary(report))
	if len(f.headers) > 0 && report.Found() && !bool(f.json) {
		a.Say("the fields of %s are left out of the curl commands", a.Origin("header"))
	}
	if report.Found() {
		return cli.ErrReported
	}
	return nil
}

func probeFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		// 1 would mean findings.
		return cli.Usagef("the probe was interrupted; what it had planted is removed")
	case errors.Is(err, probe.ErrOtherTree):
		return cli.Usagef("%s: check the URL, --prefix, --allow and that the server may read what is planted", probeText(err))
	}
	return cli.Usagef("%s", probeText(err))
}

// probeText returns the text of an error without the name of the package.
func probeText(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(cli.OneLine(err), "probe: "), "planting: ")
}

// probeOptions checks the flags.
func (a *app) probeOptions(f *probeFlags) (probe.Options, error) {
	opts := probe.Options{Header: http.Header{}, Timeout: time.Duration(f.timeout)}
	if opts.Timeout == 0 {
		return opts, cli.Usagef("%s: no server responds in no time; write a duration such as 5s", a.Origin("response-timeout"))
	}
	for _, field := range f.headers {
		name, value, ok := strings.Cut(field, ":")
		if value = strings.TrimSpace(value); !ok || !validField(name, value) {
			return opts, cli.Usagef("%s: write a header field as 'NAME: VALUE'", a.Origin("header"))
		}
		opts.Header.Add(name, value)
	}
	for _, kind := range f.skip {
		if !slices.Contains(probe.Kinds(), probe.Kind(kind)) {
			return opts, cli.Usagef("%s: there is no kind %s; the kinds are %s", a.Origin("skip"), cli.Printable(kind), strings.Join(kindNames(), ", "))
		}
		opts.Skip = append(opts.Skip, probe.Kind(kind))
	}
	if rate := f.rate.PerSecond(); !math.IsInf(rate, 1) {
		opts.Rate = max(1, int(rate))
	}
	return opts, nil
}

func validField(name, value string) bool {
	token := func(r rune) bool {
		return r > ' ' && r < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}
	return name != "" && textproto.TrimString(name) == name && strings.IndexFunc(name, func(r rune) bool { return !token(r) }) < 0 &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func plantTree(dir string, rules probe.Rules) (*probe.Tree, error) {
	tree, err := probe.Plant(dir, rules)
	switch {
	case errors.Is(err, probe.ErrNoRoom):
		return nil, cli.Usagef("the rules let nothing in a new directory of %s through; plant in a directory that they do, such as --plant DIR/docs with URL/docs and --allow '**'",
			cli.Printable(dir))
	case err != nil:
		return nil, cli.Usagef("cannot plant in %s: %s", cli.Printable(dir), probeText(err))
	}
	return tree, nil
}

func loadTree(file string) (*probe.Tree, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Usagef("there is no file %s; bailiwick probe plant DIR --save %s writes one", cli.Printable(file), cli.ShellWord(file))
	}
	if err != nil {
		return nil, cli.Usagef("cannot read %s: %s", cli.Printable(file), cli.Cause(err))
	}
	defer f.Close()
	tree, err := probe.Load(f)
	if err != nil {
		return nil, cli.Usagef("%s: it was not written by bailiwick probe plant", cli.Printable(file))
	}
	return tree, nil
}
