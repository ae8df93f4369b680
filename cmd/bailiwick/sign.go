package main

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// signFlags are the flags of sign.
type signFlags struct {
	keys    string
	expires cli.Duration
	method  cli.Choice
	user    string
	uses    int
	name    string
}

func (a *app) signCommand() *cobra.Command {
	f := signFlags{method: cli.Choice{Value: "GET", Words: []string{"GET", "PUT", "DELETE", "POST"}}}
	cmd := &cobra.Command{
		Use:   "sign --keys FILE --expires TIME URL…",
		Short: "Sign URLs that work without other credentials",
		Long: `Sign prints each URL with a signature in its query. A server with the same key file
(--link-keys, or links: {keys: FILE}) then lets anyone with that URL use one method on
that one path, as far as the mount allows it, until the link expires. If mounts serve
different hosts, the link works only for the host in the URL.

FILE has lines of KEYID:BASE64, made with: bailiwick keys new FILE. The first key signs.
To revoke all links of a key, remove its line.

A link works like a password: send it over HTTPS, and use a short expiry time.`,
		Example: `  bailiwick sign --keys link-keys --expires 1h https://files.example.org/docs/report.pdf
  bailiwick sign --keys link-keys --expires 24h --uses 1 --download-name 'Invoice 7.pdf' https://files.example.org/inv/7.pdf
  bailiwick sign --keys link-keys --expires 10m --method PUT --user alice https://files.example.org/home/alice/a.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usagef("sign needs at least one URL; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("user") && f.user == "" {
				return cli.Usagef("%s is empty: name the user, or omit it for a link that access rules do not restrict", a.Origin("user"))
			}
			return a.sign(args, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.keys, "keys", "", "sign with the first key in `FILE`")
	flags.Var(&f.expires, "expires", "how long the links are valid, such as 10m or 24h")
	flags.Lookup("expires").DefValue = "" // there is none
	flags.Var(&f.method, "method", "the method that the link permits; GET includes HEAD")
	cli.CompleteWords(cmd, "method", f.method.Words)
	flags.StringVar(&f.user, "user", "", "the link acts as the user `NAME` (with its suffix, if it has one), under the access rules")
	flags.IntVar(&f.uses, "uses", 0, "let the link be used `N` times; 0: no limit")
	flags.StringVar(&f.name, "download-name", "", "`NAME` under which a browser saves the file")
	return cmd
}

func (a *app) sign(urls []string, f *signFlags) error {
	switch {
	case f.keys == "":
		return cli.Usagef("name the file of keys with %s; to make one: bailiwick keys new link-keys", a.Origin("keys"))
	case f.expires < cli.Duration(time.Second):
		return cli.Usagef("set with %s how long the links are valid, such as 1h", a.Origin("expires"))
	}
	keys, err := links.LoadKeys(f.keys)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cli.Usagef("%s: there is no file %s; to make one: bailiwick keys new %s",
			a.Origin("keys"), cli.Printable(f.keys), cli.Printable(f.keys))
	case err != nil:
		return cli.Usagef("%s: %s", a.Origin("keys"), cli.OneLine(err))
	}
	expires := time.Now().Add(time.Duration(f.expires))
	// Print all or none: users may paste the output without reading it.
	signed := make([]string, len(urls))
	for i, s := range urls {
		if signed[i], err = signURL(keys, s, links.Link{
			Method: f.method.Value, Expires: expires, User: f.user, Uses: f.uses, DownloadName: f.name,
		}); err != nil {
			return cli.Usagef("%s: %s", cli.Printable(redacted(s)), cli.OneLine(err))
		}
	}
	out := cli.NewLineWriter(a.Out)
	for _, s := range signed {
		out.Line(s)
	}
	return out.Close()
}

func signURL(keys *links.Keys, s string, l links.Link) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", errors.New("not a URL; write https://HOST/PATH")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", errors.New("write the whole URL: https://HOST/PATH")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("omit the query and the fragment: the signature replaces the query")
	case u.User != nil:
		return "", errors.New("omit the user: a link needs no other credentials")
	}
	path := u.Path
	if u.RawPath != "" {
		path = u.RawPath
	} else {
		path = (&url.URL{Path: path}).EscapedPath()
	}
	if l.Path, err = links.ParsePath(path); err != nil {
		return "", err
	}
	if l.Host = strings.TrimSuffix(strings.ToLower(u.Hostname()), "."); strings.Contains(l.Host, ":") {
		l.Host = "[" + l.Host + "]"
	}
	query, err := keys.Sign(l)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host + l.Path + "?" + query, nil
}

// redacted returns a URL without its password, for messages.
func redacted(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return s
}
