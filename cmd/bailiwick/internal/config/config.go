// Package config reads and checks Bailiwick's configuration file: one typed struct,
// [Config], decoded strictly from YAML. Unknown keys, duplicate keys, wrong types and
// contradictions are errors that name the file and the line. All errors are reported at
// once.
//
// The doc comments and field tags of Config, and of the types below it, are the only
// description of the file. The reference and the JSON schema are generated from them;
// see package docs and [Schema].
package config

import (
	"time"
)

// A Config is a validated configuration. Files that it names have not been read;
// [Config.Check] reads them. Its paths are absolute, except that a path from a flag may
// be relative to the working directory.
//
// Each field has tags: yaml is the key; default is the value of an omitted key; oneof
// lists the accepted words; required and nonempty give the advice for a missing key or
// an empty list; single accepts one item without a list; least is the smallest number
// for the schema; example is a value for the reference.
type Config struct {
	// Addresses to listen on, HOST:PORT. Port 0 picks a free port; an empty host listens
	// on all interfaces.
	Listen []Address `yaml:"listen" default:"127.0.0.1:8080" example:"[':80', ':443']" nonempty:"name an address to listen on, such as 127.0.0.1:8080"`

	// The address that serves /livez, /readyz and /metrics. Do not expose it to the
	// public. Without it, they are not served.
	Admin Address `yaml:"admin" example:"127.0.0.1:9090"`

	// Host names, without a port, that requests may name in addition to those of mounts
	// and tls.acme. On a loopback address, the server responds only to these and to
	// localhost, 127.0.0.1 and [::1], which stops DNS rebinding attacks from web pages;
	// behind a proxy on the same machine, list the hosts that it forwards. On other
	// addresses, the server responds to every host unless this list is set. Requests for
	// any other host get the same 404 as a missing file.
	Hosts []Host `yaml:"hosts" example:"[files.example.org]" nonempty:"the list is empty; add a host, or leave the key out"`

	// Enables HTTPS and HTTP/2, with a certificate from files or from ACME.
	TLS *TLS `yaml:"tls"`

	// Logs every request, including refused ones.
	AccessLog AccessLog `yaml:"access_log"`

	// How users authenticate. Several methods can be combined; the names of users from
	// oidc and client_certificates then get a suffix.
	Users Users `yaml:"users"`

	// Groups of users: each group's name with its members. A group defined here has
	// exactly these members; a token that lists such a group does not add its user. To
	// grant access by the token's claim, use a rule such as claim:groups=editors. The
	// members of any other group are the users whose tokens list it.
	Groups map[string][]string `yaml:"groups" example:"{editors: [alice, bob]}"`

	// Signed links, created with bailiwick sign.
	Links *Links `yaml:"links"`

	// Links that users give out, by which people without credentials open what the user
	// shared. A share opens nothing that its issuer could not open and share at the moment of
	// the request. Without access rules, everyone who has logged in may share.
	Shares *Shares `yaml:"shares"`

	// Limits on the resources that clients can use. For connections, requests_in_flight,
	// rate_per_client, failed_logins and minimum_rate, 0 and off mean no limit.
	Limits Limits `yaml:"limits"`

	// Networks of trusted reverse proxies. X-Forwarded-For and X-Forwarded-Proto are trusted
	// from these addresses and ignored from all others. The word unix stands for whoever
	// connects to a Unix socket that a service manager passed.
	TrustedProxies []Proxy `yaml:"trusted_proxies" example:"[10.0.0.0/8, '::1/128']"`

	// How long shutdown waits, after SIGTERM, for running transfers.
	Drain time.Duration `yaml:"drain" default:"15s" example:"1m"`

	// Confines the process with Landlock, a second jail enforced by the kernel. The rules
	// are fixed at startup, so a reload that needs another directory is refused. auto: use
	// it if the kernel supports it, and S3 credentials can be renewed under it.
	Landlock string `yaml:"landlock" oneof:"auto|off" default:"auto" example:"off"`

	// What is served where. Among the mounts that match a request's host and path, those
	// with a host take precedence, then the longest path wins. A mount hides everything
	// that enclosing mounts have at its path, however that path is spelled.
	Mounts []Mount `yaml:"mounts" required:"there is nothing to serve; add mounts, each with its source and what it allows" nonempty:"there is nothing to serve; add a mount with its source and what it allows"`

	tolerated map[string]bool // users that the running configuration already mentions
	local     []string        // the users in files, once Check has read them

	file      string              // the file it was read from, "" if none
	positions map[string]position // by key, such as mounts[0].source
}

// TLS selects the certificate: either cert and key, or acme.
type TLS struct {
	// PEM file with the certificate and any intermediate certificates. SIGHUP rereads it.
	Cert Path `yaml:"cert" example:"/etc/bailiwick/cert.pem"`

	// PEM file with the certificate's private key.
	Key Path `yaml:"key" example:"/etc/bailiwick/key.pem"`

	// Obtains and renews certificates automatically, by default from Let's Encrypt.
	ACME *ACME `yaml:"acme"`

	// How long browsers must use only HTTPS for this host (Strict-Transport-Security):
	// days such as 180d, or any other duration. It cannot be revoked earlier. It is sent
	// over TLS only. off sends no header.
	HSTS Age `yaml:"hsts" default:"off" example:"180d"`
}

// ACME configures automatic certificates.
type ACME struct {
	// The host names to obtain certificates for. No certificate is requested for any other
	// name.
	Domains []Host `yaml:"domains" required:"list the domains to obtain certificates for" example:"[files.example.org]" nonempty:"list the domains to obtain certificates for"`

	// The directory that stores certificates and the account key.
	Dir Path `yaml:"dir" required:"name a directory to store certificates in; without it each start would request new ones and soon hit the certificate authority's rate limit" example:"/var/lib/bailiwick/acme"`

	// Contact address for the certificate authority's notices.
	Email string `yaml:"email" example:"admin@example.org"`

	// The certificate authority's ACME directory URL.
	Directory URL `yaml:"directory" default:"https://acme-v02.api.letsencrypt.org/directory" example:"https://acme.example.org/directory"`
}

// AccessLog configures the access log.
type AccessLog struct {
	// The file to append to. - logs to standard error, off disables the log, syslog: logs
	// to the system log and journal: to systemd's journal. SIGHUP reopens a file.
	File LogTarget `yaml:"file" default:"-" example:"/var/log/bailiwick/access.jsonl"`
}

// Limits bounds the resources that clients can use.
type Limits struct {
	// Open connections. Further connections wait to be accepted.
	Connections int `yaml:"connections" default:"10000" example:"2000"`

	// Requests being processed at the same time. Further requests get 503.
	RequestsInFlight int `yaml:"requests_in_flight" default:"1000" example:"500"`

	// Requests per client address. Further requests get 429. The burst is twice a
	// per-second rate, or the whole count of a per-minute or per-hour rate.
	RatePerClient Rate `yaml:"rate_per_client" default:"off" example:"100/s"`

	// Failed logins per client address, and, counted apart, wrong passwords of shares. Further
	// attempts get 429.
	FailedLogins Rate `yaml:"failed_logins" default:"10/m" example:"5/m"`

	// The maximum size of one written object. Larger ones get 413.
	Upload Size `yaml:"upload" default:"5GiB" example:"100MiB"`

	// The maximum duration of one upload.
	UploadTime time.Duration `yaml:"upload_time" default:"1h" example:"10m"`

	// Uploads in progress at the same time, at least 1. Further uploads get 503. File requests
	// of shares have half as many of their own.
	Uploads int `yaml:"uploads" least:"1" default:"64" example:"16"`

	// Archives of directories being sent at the same time, at least 1. Further ones get 503.
	Archives int `yaml:"archives" least:"1" default:"4" example:"8"`

	// The maximum number of files in an archive of a directory, at least 1. Larger ones get 413.
	ArchiveEntries int `yaml:"archive_entries" least:"1" default:"10000" example:"1000"`

	// The maximum size of request headers.
	HeaderSize Size `yaml:"header_size" default:"16KiB" example:"8KiB"`

	// The maximum time to receive request headers.
	HeaderTimeout time.Duration `yaml:"header_timeout" default:"10s" example:"5s"`

	// How long an idle connection may wait for its next request.
	IdleTimeout time.Duration `yaml:"idle_timeout" default:"2m" example:"30s"`

	// The minimum transfer rate. A client that is slower over a whole minute is
	// disconnected.
	MinimumRate ByteRate `yaml:"minimum_rate" default:"1KiB/s" example:"10KiB/s"`
}
