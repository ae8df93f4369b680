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
	"net/netip"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
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
	// shared. A share opens nothing that its issuer could not open and share at that moment.
	// Without access rules, everyone who has logged in may share.
	Shares *Shares `yaml:"shares"`

	// Limits on the resources that clients can use. 0 and off mean no limit.
	Limits Limits `yaml:"limits"`

	// Networks of trusted reverse proxies. X-Forwarded-For is trusted from these addresses
	// and ignored from all others.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" example:"[10.0.0.0/8, '::1/128']"`

	// How long shutdown waits, after SIGTERM, for running transfers.
	Drain time.Duration `yaml:"drain" default:"15s" example:"1m"`

	// Confines the process with Landlock, a second jail enforced by the kernel. The rules
	// are fixed at startup, so a reload that needs another directory is refused. auto: use
	// it if the kernel supports it.
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

// Users configures authentication.
type Users struct {
	// A file of NAME:BCRYPT lines for user names and passwords (Basic), created with
	// bailiwick users add.
	Htpasswd Path `yaml:"htpasswd" example:"/etc/bailiwick/users"`

	// A file of NAME:SHA256-OF-TOKEN lines for static tokens (Bearer). Hashes are
	// lower-case hexadecimal.
	Tokens Path `yaml:"tokens" example:"/etc/bailiwick/tokens"`

	// Accepts tokens of an OpenID Connect provider (Bearer).
	OIDC *OIDC `yaml:"oidc"`

	// Accepts TLS client certificates. Requires tls.
	ClientCertificates *ClientCertificates `yaml:"client_certificates"`

	// Lets people sign in with a browser, on a page, by htpasswd or by oidc.client_id. They
	// stay signed in by a cookie. Without it, browsers prompt for a password.
	Sessions *Sessions `yaml:"sessions"`
}

// Sessions configures how long people stay signed in.
type Sessions struct {
	// A file of KEYID:BASE64 lines, created with bailiwick keys new. The first key seals new
	// sessions; every key opens those that it sealed. Servers that share it share sessions.
	Keys Path `yaml:"keys" required:"name the file of the keys; to make one: bailiwick keys new FILE" example:"/etc/bailiwick/session-keys"`

	// How long after signing in a user must sign in again.
	MaxAge time.Duration `yaml:"max_age" default:"12h" example:"24h"`

	// How long a session lasts without a request.
	Idle time.Duration `yaml:"idle" default:"2h" example:"30m"`
}

// OIDC configures the OpenID Connect provider and the claims to check.
type OIDC struct {
	// The provider's https URL, exactly as in the tokens' iss claim.
	Issuer URL `yaml:"issuer" required:"name the provider, such as https://id.example.org" example:"https://id.example.org"`

	// The audience that tokens must have (aud).
	Audience string `yaml:"audience" required:"name the audience of tokens; a token issued for another service must not give access to this one" example:"bailiwick"`

	// The ID of this server at the provider, for signing in with a browser. Requires
	// users.sessions. Register https://HOST/.bailiwick/login/callback there as the redirect
	// URI. Names, groups and claims are those of the ID token.
	ClientID string `yaml:"client_id" example:"bailiwick"`

	// A file that holds the secret of client_id on a single line. Without it, the client is
	// a public one.
	ClientSecretFile Path `yaml:"client_secret_file" example:"/run/secrets/oidc"`

	// The claim that holds the user's name.
	UserClaim string `yaml:"user_claim" default:"sub" example:"preferred_username"`

	// The claim that lists the user's groups. Without it, tokens carry no groups. A token
	// cannot add a user to a group that is defined in groups.
	GroupsClaim string `yaml:"groups_claim" example:"groups"`

	// Appended with an @ to the names of these users, so that they cannot be confused with
	// users of another method: alice@id.example.org is not the alice of a file. auto: the
	// issuer's host if users can also log in by htpasswd, tokens or client_certificates,
	// otherwise no suffix. none: no suffix, which is refused if a name could then belong
	// to two users. Rules, groups, {user} and links use the full name.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"id.example.org"`
}

// ClientCertificates configures which client certificates are accepted.
type ClientCertificates struct {
	// PEM file with the certificate authorities that sign client certificates.
	CA Path `yaml:"ca" required:"name the file of the certificate authority" example:"/etc/bailiwick/ca.pem"`

	// Appended with an @ to the names of these users, like users.oidc.suffix. auto: cert
	// if users can also log in by htpasswd, tokens or oidc, otherwise no suffix.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"cert"`
}

// Links configures the keys of signed links.
type Links struct {
	// A file of KEYID:BASE64 lines. The first key signs new links; every key verifies.
	Keys Path `yaml:"keys" required:"name the file of the keys" example:"/etc/bailiwick/link-keys"`
}

// Shares configures the shares that users make.
type Shares struct {
	// The database of shares: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE to
	// share it between servers. It may be that of uploads.
	Catalog Catalog `yaml:"catalog" example:"sqlite:/var/lib/bailiwick/shares.db"`

	// A file that holds the catalog's address on a single line, to keep a password out of
	// the configuration.
	CatalogFile Path `yaml:"catalog_file" example:"/run/secrets/catalog"`

	// The longest time for which a share can be made.
	MaxAge Age `yaml:"max_age" default:"30d" example:"90d"`
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

	// Failed logins per client address. Further attempts get 429.
	FailedLogins Rate `yaml:"failed_logins" default:"10/m" example:"5/m"`

	// The maximum size of one written object. Larger ones get 413.
	Upload Size `yaml:"upload" default:"5GiB" example:"100MiB"`

	// The maximum duration of one upload.
	UploadTime time.Duration `yaml:"upload_time" default:"1h" example:"10m"`

	// Uploads in progress at the same time, at least 1. Further uploads get 503.
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

// A Mount serves a source at a path.
type Mount struct {
	// The URL path to serve the source at, without a trailing slash.
	Path MountPath `yaml:"path" default:"/" example:"/docs"`

	// Serve this mount only for this host.
	Host Host `yaml:"host" example:"docs.example.org"`

	// A directory, s3://BUCKET/PREFIX, or mem: for an empty tree in memory. Required unless
	// sources is set.
	Source Source `yaml:"source" example:"s3://bucket/docs?region=eu-central-1"`

	// Several sources as one tree, in place of source: each name is served from the first
	// one that has it. Only the first one is written to, where write is set; removing what
	// a later one has hides it, by a small object below .bailiwick-overlay in the first. No
	// rule makes these reachable. Sources of a list must not share files. Buckets of one
	// name count as the same at every endpoint.
	Sources []Source `yaml:"sources" example:"[/srv/site, 's3://bucket/site-defaults?region=eu-central-1']" nonempty:"the list is empty; list what to serve, the first one on top"`

	// The names to allow: globs, exact names, or re: and a regular expression. Required
	// unless allow_file or uploads is set.
	Allow []vfs.Pattern `yaml:"allow" example:"['**/*.html', '.well-known/**', 're:v[0-9]+/.*']"`

	// Names to refuse, with everything below them. Deny overrides allow.
	Deny []vfs.Pattern `yaml:"deny" example:"['drafts/**']"`

	// Files of exact names to allow, one per line, created with bailiwick scan --save.
	AllowFile []Path `yaml:"allow_file" single:"true" example:"[/etc/bailiwick/exposed]"`

	// How to handle symbolic links. inside follows a link only if the name it resolves to
	// is inside the source and is itself allowed.
	Symlinks string `yaml:"symlinks" oneof:"refuse|inside" default:"refuse" example:"inside"`

	// How to handle files with several hard links. A hard link can bring in a file from
	// elsewhere on the same file system. If omitted, such files are refused where any
	// mount lets clients write to this source, to a part of it, or to a source that
	// contains it; otherwise they are served.
	HardLinks string `yaml:"hard_links" oneof:"refuse|serve" example:"serve"`

	// Responds to a directory request with a listing of the allowed names in it.
	List bool `yaml:"list" default:"false" example:"true"`

	// What browsers get for a listing, and at the top of uploads: full is a page to browse,
	// search, preview and change files, plain a table without scripts (for uploads,
	// nothing), off the JSON that programs get. If omitted, full where there is list or
	// uploads. With full, no file has a name with the element .bailiwick, below which the
	// page keeps what it loads.
	Page string `yaml:"page" oneof:"full|plain|off" example:"plain"`

	// The name of the site on the page. If omitted, Files.
	PageTitle PageTitle `yaml:"page_title" example:"Example files"`

	// An image for the page: PNG, JPEG, GIF, WebP or SVG, of at most 256KiB. Everyone can
	// load it.
	PageLogo Path `yaml:"page_logo" example:"/etc/bailiwick/logo.svg"`

	// The color of links and buttons on the page. Where it could not be read, the page takes
	// a darker or lighter shade.
	PageColor Color `yaml:"page_color" example:"'#0b6e4f'"`

	// The files that answer a directory request: the first that exists and is allowed. If
	// omitted, index.html.
	Index []IndexName `yaml:"index" example:"[index.html, index.htm]" nonempty:"the list is empty; write no_index: true instead"`

	// Disables index files.
	NoIndex bool `yaml:"no_index" default:"false" example:"true"`

	// The file that answers, with status 200, for allowed names that do not exist, as a
	// single-page application needs it. Names that the rules refuse still get the 404, so
	// clients can tell which names are allowed.
	Fallback ObjectName `yaml:"fallback" example:"index.html"`

	// The names that the fallback answers for. If omitted, all allowed names.
	FallbackFor []vfs.Pattern `yaml:"fallback_for" example:"['app/**']" nonempty:"the fallback would never answer; list patterns, or leave the key out for all allowed names"`

	// An HTML file of the source, of at most 256KiB, that is sent with every 404 of this
	// mount. It is read at the start and at each reload.
	NotFound ObjectName `yaml:"not_found" example:"404.html"`

	// How long clients may cache a file without revalidation. A response that not everyone
	// may read is never stored by shared caches.
	MaxAge time.Duration `yaml:"max_age" default:"0s" example:"300s"`

	// Redirects requests with a signed link to a presigned S3 URL that is valid for this
	// long, so that large files bypass this server. The URL reveals the bucket and key,
	// and clients must be able to reach the source's endpoint. 0s sends the file itself.
	LinkRedirect time.Duration `yaml:"link_redirect" default:"0s" example:"1m"`

	// Who controls the files: you (trusted) or other people (untrusted). Web pages and
	// other active types in untrusted content are downloaded, not displayed. If omitted,
	// content is untrusted where any mount lets clients write to this source, to a part of
	// it, or to a source that contains it.
	Content string `yaml:"content" oneof:"trusted|untrusted" example:"untrusted"`

	// Additional media types of untrusted content that browsers may display, besides
	// images, audio, video and plain text.
	Inline []MediaType `yaml:"inline" example:"[application/pdf]"`

	// Serves NAME.br, NAME.zst or NAME.gz instead of NAME if it is allowed and the client
	// accepts it. On S3, this needs a cache with a ttl above 0.
	Precompressed bool `yaml:"precompressed" default:"false" example:"true"`

	// Lets clients PUT, DELETE, COPY and MOVE, as far as the rules allow.
	Write bool `yaml:"write" default:"false" example:"true"`

	// The media types that PUT accepts, checked by name and by content. If omitted, any
	// type is accepted.
	Types []MediaType `yaml:"types" example:"['image/*', application/pdf]" nonempty:"nothing could be written; list types, or leave the key out to accept any"`

	// Accepts uploads by POST under names that the server generates.
	Uploads *Uploads `yaml:"uploads"`

	// Keeps what was read from the source in a local directory, for a source that is slow
	// or charges for requests. Access rules apply to cached objects as to all others.
	// Mounts of one source share a cache. Of several sources, each one on S3 has a cache of
	// its own, in a directory in dir and with this size.
	Cache *Cache `yaml:"cache"`

	// Access rules. Without them, anyone has access to every name that allow and deny
	// permit. With them, everything that no rule grants is refused.
	Access []Rule `yaml:"access" nonempty:"the list is empty, so nobody has access; add a rule, or leave the key out to open the mount to anyone"`

	// For each source, another mount through which clients can write to it; nil if there is
	// none for any.
	writers []*Mount
	// The other mounts that serve what clients store through this one.
	readers []*Mount
}

// Uploads configures uploads under names that the server generates.
type Uploads struct {
	// The database of original names, owners and sizes: sqlite:PATH, or
	// postgres://USER:PASSWORD@HOST/DATABASE to share it between servers. Mounts of
	// several sources may share one catalog; each sees only the uploads of its own source.
	Catalog Catalog `yaml:"catalog" example:"sqlite:/var/lib/bailiwick/catalog.db"`

	// A file that holds the catalog's address on a single line, to keep a password out of
	// the configuration.
	CatalogFile Path `yaml:"catalog_file" example:"/run/secrets/catalog"`

	// The media types to accept, checked by name and by content. If omitted, the mount's
	// types, or any.
	Types []MediaType `yaml:"types" example:"['image/*', application/pdf]" nonempty:"nothing could be uploaded; list types, or leave the key out to accept any"`
}

// Cache configures a cache in front of a source.
type Cache struct {
	// The directory of the cache, which is created if it is missing. It must be empty or
	// an earlier cache, must not overlap with what any mount serves, and belongs to one
	// server process. All of it may be removed at any time.
	Dir Path `yaml:"dir" required:"name a directory for the cache, such as /var/cache/bailiwick" example:"/var/cache/bailiwick"`

	// The maximum size of the cache. 5% of its file system stay free in any case.
	Size Size `yaml:"size" default:"1GiB" example:"50GiB"`

	// How long an object is served without asking the source whether it has changed. This
	// is how long a change that is not made through this server can stay unseen. 0s asks
	// at each request, which transfers nothing if the object is unchanged. Uploads never
	// change, so the source is not asked.
	TTL time.Duration `yaml:"ttl" default:"0s" example:"60s"`

	// How much longer an object is served while the source is unavailable.
	Stale time.Duration `yaml:"stale" default:"0s" example:"10m"`
}

// A Rule grants operations on names to the principals that match it.
type Rule struct {
	// The principals that the rule applies to: anyone, authenticated, owner (of an
	// upload), user:NAME, group:NAME or claim:KEY=VALUE. If the users of an authentication
	// method have a suffix, claim:KEY@SUFFIX=VALUE matches only claims from that method.
	Who Who `yaml:"who" required:"name the principals that the rule applies to, such as authenticated or group:NAME" example:"group:editors"`

	// The operations to grant: read, list, write, delete, upload, share. Whoever may share a
	// name can give others a link to do there what the user may do: read and list, or
	// add files. Only users who have logged in can share.
	Can []vfs.Op `yaml:"can" required:"list the operations to grant: any of read, list, write, delete, upload, share" example:"[read, list]" nonempty:"the rule grants nothing; list any of read, list, write, delete, upload, share"`

	// The names that the rule applies to, as patterns like those in allow. If omitted, all
	// names. The element {user} stands for the user's own name.
	Names []string `yaml:"names" example:"['{user}/**']" nonempty:"the list is empty; add a pattern, or leave the key out to match all names"`
}
