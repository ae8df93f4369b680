package main

import "github.com/spf13/cobra"

// registerPublic adds the flags for a public server. The configuration checks their values.
func registerPublic(cmd *cobra.Command) {
	registerTLS(cmd)
	registerUsers(cmd)
	registerAccess(cmd)
	registerLimits(cmd)
}

func registerCache(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("cache", "", "keep what was read from the source in `DIRECTORY`, for a slow source such as S3")
	flags.String("cache-size", "1GiB", "the maximum `SIZE` of --cache")
	flags.String("cache-ttl", "0s", "serve from --cache for a `TIME` such as 60s without asking the source for changes; 0s: ask at each request")
	flags.String("cache-stale", "0s", "serve from --cache for a `TIME` longer while the source is unavailable")
}

func registerTLS(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("tls-cert", "", "serve HTTPS with the certificate in `FILE`, PEM; requires --tls-key")
	flags.String("tls-key", "", "the private key of --tls-cert: a `FILE`, PEM")
	flags.String("hsts", "off", "make browsers use only HTTPS for a `TIME` such as 180d; this cannot be revoked earlier")
	flags.StringArray("acme-host", nil, "serve HTTPS with a certificate for `NAME` from Let's Encrypt; requires --acme-cache (repeat for more)")
	flags.String("acme-cache", "", "keep the certificates of --acme-host and the account's key in `DIRECTORY`")
	flags.String("acme-email", "", "the contact `ADDRESS` for the certificate authority")
	flags.String("acme-directory", "", "use another certificate authority: the `URL` of its ACME directory")
}

// registerUsers adds the flags for authentication.
func registerUsers(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("htpasswd", "", "authenticate the users in `FILE`, lines of NAME:BCRYPT; --access grants them operations")
	flags.String("tokens", "", "authenticate the users in `FILE`, lines of NAME:SHA256-OF-TOKEN")
	flags.String("oidc-issuer", "", "authenticate users by tokens of the OpenID Connect provider at `URL`; requires --oidc-audience")
	flags.String("oidc-audience", "", "the `AUDIENCE` that the tokens of --oidc-issuer must have (aud)")
	flags.String("oidc-user-claim", "sub", "the `CLAIM` of a token that is the user's name")
	flags.String("oidc-groups-claim", "", "the `CLAIM` of a token that lists the user's groups (default: none)")
	flags.String("oidc-suffix", "auto", "append @`SUFFIX` to the names of users of --oidc-issuer; auto: the issuer's host if there are other sources of users; none: nothing")
	flags.String("oidc-client-id", "", "let people sign in with a browser at --oidc-issuer, where this server is registered as `ID`; requires --session-keys")
	flags.String("oidc-client-secret-file", "", "the secret of --oidc-client-id: a `FILE` with a single line (default: a public client)")
	flags.String("session-keys", "", "let people sign in on a page, with --htpasswd or --oidc-client-id, and keep them signed in by cookies sealed with the keys in `FILE`; bailiwick keys new makes it")
	flags.String("session-max-age", "12h", "the `TIME` after which a user of --session-keys must sign in again")
	flags.String("session-idle", "2h", "the `TIME` for which a session of --session-keys lasts without a request")
	flags.String("client-ca", "", "authenticate users by certificates signed by the authorities in `FILE`, PEM; requires HTTPS")
	flags.String("client-cert-suffix", "auto", "append @`SUFFIX` to the names of users of --client-ca; auto: cert if there are other sources of users; none: nothing")
	flags.String("link-keys", "", "accept links that bailiwick sign made with the keys in `FILE`")
	flags.String("shares", "", "let users make links that open what they share; the catalog of these links: `sqlite:PATH` for one machine, postgres://USER@HOST/DATABASE for several")
	flags.String("share-max-received", "10GiB", "how many bytes one file request (a share that receives files) takes in all, such as 100GiB")
	flags.String("share-max-age", "30d", "the longest `TIME` for which a share can be made, such as 90d")
	flags.String("link-redirect", "0s", "redirect requests with a signed link to an S3 URL that is valid for a `TIME` such as 1m; 0s sends the file itself")
}

// registerAccess adds the flags for access rules, to serve and explain.
func registerAccess(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArray("access", nil, "grant operations on allowed names by a `RULE` such as 'group:editors can read,list docs/**' or 'authenticated can read,write {user}/**' (repeat for more; default: open to anyone)")
	flags.StringArray("group", nil, "define the members of a group for --access: a `GROUP` such as editors=alice,bob (repeat for more)")
}

func registerLimits(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArray("trusted-proxies", nil, "trust X-Forwarded-For and X-Forwarded-Proto from `NETWORK`, such as 10.0.0.0/8, or from Unix sockets: unix (repeat for more)")
	flags.String("connections", "10000", "the maximum `NUMBER` of open connections; further ones wait; 0: no limit")
	flags.String("requests-in-flight", "1000", "the maximum `NUMBER` of requests in flight; further ones get 503; 0: no limit")
	flags.String("rate-per-client", "off", "the maximum `RATE` of requests from one client address, such as 100/s or 600/m; off: no limit")
	flags.String("failed-logins", "10/m", "the maximum `RATE` of failed logins from one client address; off: no limit")
	flags.String("header-size", "16KiB", "the maximum `SIZE` of a request's header")
	flags.String("header-timeout", "10s", "the maximum `TIME` to receive a request's header")
	flags.String("idle-timeout", "2m", "the maximum `TIME` that a connection may wait for its next request")
	flags.String("archives", "4", "the maximum `NUMBER` of archives of directories at the same time, for --list; further ones get 503")
	flags.String("archive-entries", "10000", "the maximum `NUMBER` of files in an archive of a directory; larger ones get 413")
	flags.String("minimum-rate", "1KiB/s", "disconnect clients that are slower than this `RATE`, such as 1KiB/s; off: no limit")
}
