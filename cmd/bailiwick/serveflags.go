package main

import "github.com/spf13/cobra"

// registerPublic adds the flags for a public server. The configuration checks their values.
func registerPublic(cmd *cobra.Command) {
	registerTLS(cmd)
	registerUsers(cmd)
	registerAccess(cmd)
	registerLimits(cmd)
}

func registerTLS(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("tls-cert", "", "serve HTTPS with the certificate in `FILE`, PEM; with --tls-key")
	flags.String("tls-key", "", "the private key of --tls-cert: a `FILE`, PEM")
	flags.String("hsts", "off", "tell browsers to use HTTPS only for a `TIME` such as 180d; this cannot be revoked earlier")
	flags.StringArray("acme-host", nil, "serve HTTPS with a certificate for `NAME` that is fetched from Let's Encrypt; with --acme-cache (repeat for more)")
	flags.String("acme-cache", "", "keep the certificates of --acme-host and the account's key in `DIRECTORY`")
	flags.String("acme-email", "", "an `ADDRESS` to which the certificate authority reports problems")
	flags.String("acme-directory", "", "fetch from another certificate authority, whose ACME directory is at `URL`")
}

// registerUsers adds the flags for authentication.
func registerUsers(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("htpasswd", "", "authenticate the users in `FILE`, lines of NAME:BCRYPT; --access grants them operations")
	flags.String("tokens", "", "authenticate the users in `FILE`, lines of NAME:SHA256-OF-TOKEN")
	flags.String("oidc-issuer", "", "authenticate users by tokens of the OpenID Connect provider at `URL`; with --oidc-audience")
	flags.String("oidc-audience", "", "the `AUDIENCE` that the tokens of --oidc-issuer must have (aud)")
	flags.String("oidc-user-claim", "sub", "the `CLAIM` of a token that is the user's name")
	flags.String("oidc-groups-claim", "", "the `CLAIM` of a token that lists the user's groups (default: tokens bring none)")
	flags.String("oidc-suffix", "auto", "append @`SUFFIX` to the names of users of --oidc-issuer; auto: the issuer's host if there are other sources of users; none: nothing")
	flags.String("client-ca", "", "authenticate users by certificates signed by the authorities in `FILE`, PEM; requires HTTPS")
	flags.String("client-cert-suffix", "auto", "append @`SUFFIX` to the names of users of --client-ca; auto: cert if there are other sources of users; none: nothing")
	flags.String("link-keys", "", "accept links that bailiwick sign made with the keys in `FILE`")
	flags.String("link-redirect", "0s", "redirect users of links to S3, by a URL that is valid for a `TIME` such as 1m; 0s sends the file")
}

// registerAccess adds the flags for access rules, to serve and explain.
func registerAccess(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArray("access", nil, "grant operations on allowed names by a `RULE` such as 'group:editors can read,list docs/**' or 'authenticated can read,write {user}/**' (repeat for more; default: open to anyone)")
	flags.StringArray("group", nil, "users that --access calls group:NAME: a `GROUP` such as editors=alice,bob (repeat for more)")
}

func registerLimits(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArray("trusted-proxies", nil, "trust X-Forwarded-For from `NETWORK`, such as 10.0.0.0/8 (repeat for more)")
	flags.String("connections", "10000", "the largest `NUMBER` of open connections; further ones wait; 0: no limit")
	flags.String("requests-in-flight", "1000", "the largest `NUMBER` of requests in flight; further ones get 503; 0: no limit")
	flags.String("rate-per-client", "off", "the largest `RATE` of requests from one client address, such as 100/s or 600/m; off: no limit")
	flags.String("failed-logins", "10/m", "the largest `RATE` of failed logins from one client address; off: no limit")
	flags.String("header-size", "16KiB", "the largest `SIZE` of a request's header")
	flags.String("header-timeout", "10s", "the `TIME` in which a request's header must arrive")
	flags.String("idle-timeout", "2m", "the `TIME` that a connection may wait for its next request")
	flags.String("minimum-rate", "1KiB/s", "cut off clients that read more slowly than this `RATE`, such as 1KiB/s; off: no limit")
}
