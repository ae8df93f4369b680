package main

import "github.com/spf13/cobra"

// registerPublic gives serve the flags that matter where strangers reach it. Their
// values are for the configuration, which says what is wrong with one.
func registerPublic(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("tls-cert", "", "serve HTTPS with the certificate in `FILE`, PEM; with --tls-key")
	flags.String("tls-key", "", "the private key of --tls-cert: a `FILE`, PEM")
	flags.String("htpasswd", "", "know the users in `FILE`, lines of NAME:BCRYPT; who may do what are the access rules of a --config")
	flags.String("tokens", "", "know the users in `FILE`, lines of NAME:SHA256-OF-TOKEN")
	flags.String("link-keys", "", "take links that bailiwick sign made with the keys in `FILE`")
	flags.StringArray("trusted-proxies", nil, "believe what hosts in `NETWORK`, such as 10.0.0.0/8, say of whom they ask for (repeat for more)")
	flags.String("connections", "10000", "open connections at most, a `NUMBER`; further ones wait; 0 is any number")
	flags.String("requests-in-flight", "1000", "requests that are answered at the same time at most, a `NUMBER`; further ones are told to come again; 0 is any number")
	flags.String("rate-per-client", "off", "requests of one client address, a `RATE` such as 100/s or 600/m; off is any number")
	flags.String("minimum-rate", "1KiB/s", "cut off clients that take less than this `RATE`, such as 1KiB/s; off lets them")
}
