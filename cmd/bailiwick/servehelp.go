package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A flagGroup is a section of the help of serve.
type flagGroup struct {
	title    string
	flags    []string
	examples []string // one for each flag, or nil
}

// serveGroups has each flag of serve once. The first group has the most used ones.
var serveGroups = []flagGroup{
	{"Most used flags", []string{"allow", "deny", "list", "listen", "config"}, []string{
		"bailiwick serve ./site --allow '**/*.html' --allow '**/*.css'",
		"bailiwick serve ./photos --allow '**/*.jpg' --deny private",
		"bailiwick serve ./photos --allow '**/*.jpg' --list",
		"bailiwick serve ./site --allow '**' --listen :8080",
		"bailiwick serve --config /etc/bailiwick/bailiwick.yaml",
	}},
	{"Serving", []string{
		"mount-path", "mount-host", "host", "page", "page-title", "page-logo", "page-color", "index", "no-index", "fallback", "fallback-for", "not-found", "max-age", "precompressed", "content", "inline",
		"admin", "drain", "landlock", "strict", "help",
	}, nil},
	{"Rules", []string{"allow-file", "symlinks", "hard-links"}, nil},
	{"Writing", []string{"write", "types", "max-upload", "max-upload-time", "max-uploads"}, nil},
	{"Cache", []string{"cache", "cache-size", "cache-ttl", "cache-stale"}, nil},
	{"Uploads", []string{"uploads", "catalog"}, nil},
	{"Users", []string{
		"access", "group", "htpasswd", "tokens",
		"oidc-issuer", "oidc-audience", "oidc-user-claim", "oidc-groups-claim", "oidc-suffix", "oidc-client-id", "oidc-client-secret-file",
		"session-keys", "session-max-age", "session-idle",
		"client-ca", "client-cert-suffix", "link-keys", "link-redirect", "shares", "share-max-age", "share-max-received",
	}, nil},
	{"TLS", []string{"tls-cert", "tls-key", "acme-host", "acme-cache", "acme-email", "acme-directory", "hsts"}, nil},
	{"Limits", []string{
		"connections", "requests-in-flight", "rate-per-client", "failed-logins", "trusted-proxies",
		"header-size", "header-timeout", "idle-timeout", "minimum-rate", "archives", "archive-entries",
	}, nil},
	{"Logs", []string{"access-log"}, nil},
}

// moreExamples are those without a flag of the first group to explain.
const moreExamples = `  bailiwick serve /srv/www --allow-file exposed.txt --listen :8080 --admin 127.0.0.1:9090
  bailiwick serve ./site --allow '**' --allow '.well-known/**' --access-log access.jsonl
  bailiwick serve ./inbox --allow '**' --write --types 'image/*,application/pdf' --max-upload 20MiB
  bailiwick serve ./uploads --uploads --catalog sqlite:catalog.db --types 'image/*'
  bailiwick serve s3://bucket/docs --allow '**' --cache /var/cache/bailiwick --cache-ttl 60s
  bailiwick serve ./home --allow '**' --write --htpasswd users \
    --access 'authenticated can read,write {user}/**'
  bailiwick serve ./site --allow '**' --listen :443 \
    --acme-host files.example.org --acme-cache /var/lib/acme`

// serveExamples returns all examples, for manual pages, which have no groups.
func serveExamples() string {
	return "  " + strings.Join(serveGroups[0].examples, "\n  ") + "\n" + moreExamples
}

// helpWidth is the longest line of the help of serve, in columns.
const helpWidth = 100

// serveUsage writes the usage of serve, with the flags in groups.
func serveUsage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	for i, group := range serveGroups {
		fmt.Fprintf(&b, "\n%s:\n%s", group.title, group.usage(cmd.Flags()))
		if i == 0 {
			fmt.Fprintf(&b, "\nMore examples:\n%s\n", moreExamples)
		}
	}
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

// usage returns the lines about the flags of the group, each flag followed by its example.
func (g *flagGroup) usage(all *pflag.FlagSet) string {
	set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
	set.SortFlags = false
	for _, name := range g.flags {
		if flag := all.Lookup(name); flag != nil {
			set.AddFlag(flag)
		}
	}
	text := set.FlagUsagesWrapped(helpWidth)
	if g.examples == nil {
		return text
	}
	var b strings.Builder
	shown := -1
	example := func() {
		if shown >= 0 {
			fmt.Fprintf(&b, "          %s\n", g.examples[shown])
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "      --") {
			example()
			shown++
		}
		b.WriteString(line)
	}
	example()
	return b.String()
}
