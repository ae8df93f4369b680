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
	flags.String("hsts", "off", "over HTTPS, let browsers remember for a `TIME` such as 180d to ask by HTTPS alone; it cannot be taken back before that")
	flags.StringArray("acme-host", nil, "serve HTTPS with a certificate for `NAME` that is fetched from Let's Encrypt; with --acme-cache (repeat for more)")
	flags.String("acme-cache", "", "keep what --acme-host fetches, and the account's key, in `DIRECTORY`")
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
	flags.String("oidc-suffix", "auto", "what stands behind the names of users of --oidc-issuer, and an @: a `SUFFIX`, auto for the issuer's host where users also log in by other ways, or none")
	flags.String("client-ca", "", "authenticate users by certificates signed by the authorities in `FILE`, PEM; requires HTTPS")
	flags.String("client-cert-suffix", "auto", "what stands behind the names of users of --client-ca, and an @: a `SUFFIX`, auto for cert where users also log in by other ways, or none")
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
	flags.String("connections", "10000", "open connections at most, a `NUMBER`; further ones wait; 0 is any number")
	flags.String("requests-in-flight", "1000", "requests that are answered at the same time at most, a `NUMBER`; further ones are told to try again; 0 is any number")
	flags.String("rate-per-client", "off", "requests of one client address, a `RATE` such as 100/s or 600/m; off is any number")
	flags.String("failed-logins", "10/m", "failed log-ins of one client address, a `RATE`; off is any number")
	flags.String("header-size", "16KiB", "the `SIZE` of a request's head at most")
	flags.String("header-timeout", "10s", "the `TIME` that a request's head may take to arrive")
	flags.String("idle-timeout", "2m", "the `TIME` that a connection may wait for its next request")
	flags.String("minimum-rate", "1KiB/s", "cut off clients that take less than this `RATE`, such as 1KiB/s; off lets them")
}
