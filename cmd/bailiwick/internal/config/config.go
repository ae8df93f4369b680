// Package config is Bailiwick's configuration file: one typed struct, [Config], that
// is read strictly from YAML. What is unknown, given twice, of the wrong type or
// contradicts itself is an error that names the file and the line, and all such
// errors come at once.
//
// The doc comments and field tags of Config and of the types below it are the only
// description of the file. The reference and the JSON schema are made of them, see
// package docs and [Schema].
package config

import (
	"net/netip"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Config is a configuration that was checked as far as it can be without looking
// at anything else: see [Config.Check] for the files that it names. Paths in it are
// absolute, or relative to the working directory where they came from a flag.
//
// Of each field, the tag yaml is its key, default what stands for a key that is left
// out, oneof the words that it takes, required and nonempty what to do where it is
// missing or an empty list, single that an item may stand alone for a list, least
// the smallest number for the schema, and example a value for the reference.
type Config struct {
	// Addresses to listen on, HOST:PORT; port 0 takes a free one, and without a host
	// it is all interfaces.
	Listen []Address `yaml:"listen" default:"127.0.0.1:8080" example:"[':80', ':443']" nonempty:"name an address to listen on, such as 127.0.0.1:8080"`

	// The address of /livez, /readyz and /metrics, which are not for the public. There
	// is no such listener without it.
	Admin Address `yaml:"admin" example:"127.0.0.1:9090"`

	// Hosts that requests may name besides those of mounts and of tls.acme, without a port.
	// On a loopback address only these and localhost, 127.0.0.1 and [::1] are answered, so
	// that no page of another site gets in by a name that leads here; behind a proxy on this
	// machine name the hosts that it passes on. On other addresses every host is answered,
	// unless some are listed here. All others get the 404 of a missing file.
	Hosts []Host `yaml:"hosts" example:"[files.example.org]" nonempty:"no host is named; name some, or leave the key out"`

	// Serves HTTPS, and HTTP/2 with it: by a certificate from files, or one that is
	// fetched by ACME.
	TLS *TLS `yaml:"tls"`

	// The record of every request, refused ones included.
	AccessLog AccessLog `yaml:"access_log"`

	// How users prove who they are. Several ways may stand side by side; the names of users
	// of oidc and client_certificates then have a suffix.
	Users Users `yaml:"users"`

	// Groups of users, each with the names of its members, and nobody else: that a token
	// names a group which is defined here makes nobody a member. A rule for the claim does,
	// such as claim:groups=editors. Groups that are not defined here are those of tokens.
	Groups map[string][]string `yaml:"groups" example:"{editors: [alice, bob]}"`

	// Signed links, as bailiwick sign makes them.
	Links *Links `yaml:"links"`

	// What clients can make the server hold or do. 0 and off are no limit.
	Limits Limits `yaml:"limits"`

	// Networks of proxies in front, whose X-Forwarded-For is believed. From anywhere else
	// it is ignored.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" example:"[10.0.0.0/8, '::1/128']"`

	// How long running transfers may take after SIGTERM.
	Drain time.Duration `yaml:"drain" default:"15s" example:"1m"`

	// A second jail around the process, by the kernel. It is fixed at the start, so a
	// reload that needs another directory is refused. auto: where the kernel has it.
	Landlock string `yaml:"landlock" oneof:"auto|off" default:"auto" example:"off"`

	// What is served where. Of the mounts whose host and path fit a request, one with a
	// host goes before those without, then the longest path wins. At the path of a mount,
	// in whatever spelling, the mounts around it serve nothing.
	Mounts []Mount `yaml:"mounts" required:"there is nothing to serve; add mounts, each with its source and what it allows" nonempty:"there is nothing to serve; add a mount with its source and what it allows"`

	tolerated map[string]bool // users that the running configuration already names

	file   string           // that it was read from, "" if from none
	places map[string]place // by key, such as mounts[0].source
}

// TLS is where the certificate comes from: cert and key, or acme.
type TLS struct {
	// The file of the certificate and those between it and the root, PEM. SIGHUP reads
	// it again.
	Cert Path `yaml:"cert" example:"/etc/bailiwick/cert.pem"`

	// The file of the certificate's private key, PEM.
	Key Path `yaml:"key" example:"/etc/bailiwick/key.pem"`

	// Certificates that are fetched, and renewed in time, from Let's Encrypt.
	ACME *ACME `yaml:"acme"`

	// How long browsers may remember to ask for this host by HTTPS alone
	// (Strict-Transport-Security), in days such as 180d or as other lengths of time. It
	// cannot be taken back before that. It is sent over TLS only; off sends none.
	HSTS Age `yaml:"hsts" default:"off" example:"180d"`
}

// ACME is how certificates are fetched.
type ACME struct {
	// The names to fetch certificates for. Others get none.
	Domains []Host `yaml:"domains" required:"name the domains to fetch certificates for" example:"[files.example.org]" nonempty:"name the domains to fetch certificates for"`

	// The directory in which certificates and the account's key are kept.
	Dir Path `yaml:"dir" required:"name a directory to keep certificates in; without it each start would fetch new ones, and soon be refused" example:"/var/lib/bailiwick/acme"`

	// An address for the certificate authority to write to about trouble.
	Email string `yaml:"email" example:"admin@example.org"`

	// Another certificate authority's ACME directory.
	Directory URL `yaml:"directory" default:"https://acme-v02.api.letsencrypt.org/directory" example:"https://acme.example.org/directory"`
}

// AccessLog is where records go.
type AccessLog struct {
	// A file to append to; - is standard error, off is none, syslog: is the system's
	// log and journal: systemd's. SIGHUP opens a file anew.
	File LogTarget `yaml:"file" default:"-" example:"/var/log/bailiwick/access.jsonl"`
}

// Users is how users prove who they are.
type Users struct {
	// A file of NAME:BCRYPT lines, which bailiwick hash-password makes, for names and
	// passwords (Basic).
	Htpasswd Path `yaml:"htpasswd" example:"/etc/bailiwick/users"`

	// A file of NAME:SHA256-OF-TOKEN lines for static tokens (Bearer), the hash in
	// lower-case hexadecimal digits.
	Tokens Path `yaml:"tokens" example:"/etc/bailiwick/tokens"`

	// Tokens of an OpenID Connect provider (Bearer).
	OIDC *OIDC `yaml:"oidc"`

	// Certificates that clients show. It needs tls.
	ClientCertificates *ClientCertificates `yaml:"client_certificates"`
}

// OIDC is a provider and what its tokens have to say.
type OIDC struct {
	// The provider's address, https, as its tokens have it in iss.
	Issuer URL `yaml:"issuer" required:"name the provider, such as https://id.example.org" example:"https://id.example.org"`

	// Whom a token has to be for, its aud.
	Audience string `yaml:"audience" required:"say whom tokens are for; one that was made for another service must not open this one" example:"bailiwick"`

	// The claim that is the user's name.
	UserClaim string `yaml:"user_claim" default:"sub" example:"preferred_username"`

	// The claim that lists the user's groups. Without it tokens bring none. A token puts
	// nobody into a group that groups defines.
	GroupsClaim string `yaml:"groups_claim" example:"groups"`

	// What stands behind the names of these users, and an @, so that they are not those of
	// others: alice@id.example.org is not the alice of a file. auto: the issuer's host, where
	// users also log in by htpasswd, tokens or client_certificates, else none. none: names are
	// plain, which is refused where they could be another's. Rules, groups, {user} and links
	// take the whole name.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"id.example.org"`
}

// ClientCertificates is which client certificates are good.
type ClientCertificates struct {
	// The file of the authorities that sign them, PEM.
	CA Path `yaml:"ca" required:"name the file of the certificate authority" example:"/etc/bailiwick/ca.pem"`

	// What stands behind the names of these users, and an @, as users.oidc.suffix does. auto:
	// cert, where users also log in by htpasswd, tokens or oidc, else none.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"cert"`
}

// Links is the key ring of signed links.
type Links struct {
	// A file of KEYID:BASE64 lines. The first key signs, each of them verifies.
	Keys Path `yaml:"keys" required:"name the file of the keys" example:"/etc/bailiwick/link-keys"`
}

// Limits are bounds on what clients can make the server hold or do.
type Limits struct {
	// Open connections; further ones wait to be accepted.
	Connections int `yaml:"connections" default:"10000" example:"2000"`

	// Requests that are being answered; past it 503.
	RequestsInFlight int `yaml:"requests_in_flight" default:"1000" example:"500"`

	// Requests of one client address, past which 429. At once there may be twice those of
	// a second, or all those of a minute or an hour.
	RatePerClient Rate `yaml:"rate_per_client" default:"off" example:"100/s"`

	// Failed log-ins of one client address; past it 429.
	FailedLogins Rate `yaml:"failed_logins" default:"10/m" example:"5/m"`

	// The size of one object that is written; past it 413.
	Upload Size `yaml:"upload" default:"5GiB" example:"100MiB"`

	// How long one object may take to arrive.
	UploadTime time.Duration `yaml:"upload_time" default:"1h" example:"10m"`

	// Objects that are arriving, at least 1; past it 503.
	Uploads int `yaml:"uploads" least:"1" default:"64" example:"16"`

	// The head of a request.
	HeaderSize Size `yaml:"header_size" default:"16KiB" example:"8KiB"`

	// How long the head of a request may take to arrive.
	HeaderTimeout time.Duration `yaml:"header_timeout" default:"10s" example:"5s"`

	// How long a connection may wait for its next request.
	IdleTimeout time.Duration `yaml:"idle_timeout" default:"2m" example:"30s"`

	// A client that takes less than this over a whole minute is cut off.
	MinimumRate ByteRate `yaml:"minimum_rate" default:"1KiB/s" example:"10KiB/s"`
}

// A Mount serves a source at a path.
type Mount struct {
	// The path that it is served at, without a slash at its end.
	Path MountPath `yaml:"path" default:"/" example:"/docs"`

	// The only host that it is served for.
	Host Host `yaml:"host" example:"docs.example.org"`

	// A directory, mem: for an empty one in memory, or s3://BUCKET/PREFIX.
	Source Source `yaml:"source" required:"say what to serve: the path of a directory, or s3://BUCKET/PREFIX" example:"s3://bucket/docs?region=eu-central-1"`

	// The names that are let through: globs, exact names, or re: and an expression. It
	// takes this or allow_file, but for uploads, whose names the server makes.
	Allow []vfs.Pattern `yaml:"allow" example:"['**/*.html', '.well-known/**', 're:v[0-9]+/.*']"`

	// Names that are refused, and all below them, whatever is allowed.
	Deny []vfs.Pattern `yaml:"deny" example:"['drafts/**']"`

	// Files of exact names that are let through, one a line, as bailiwick scan --save
	// writes them.
	AllowFile []Path `yaml:"allow_file" single:"true" example:"[/etc/bailiwick/exposed]"`

	// What to do at a symbolic link: refuse it, or let it lead to names inside that are
	// allowed themselves.
	Symlinks string `yaml:"symlinks" oneof:"refuse|inside" default:"refuse" example:"inside"`

	// What to do at a file that has more than one name: refuse it, or serve it. A hard
	// link can bring a file of the same disk in from outside the source. If left out, it is
	// refused where this mount or another one lets clients write to the source, to a part of
	// it, or to one that it is a part of.
	HardLinks string `yaml:"hard_links" oneof:"refuse|serve" example:"serve"`

	// Answers a directory with the names in it that are let through.
	List bool `yaml:"list" default:"false" example:"true"`

	// Does not answer a directory with its index.html.
	NoIndex bool `yaml:"no_index" default:"false" example:"true"`

	// How long clients may use a file without asking again. What not everybody may read
	// is never kept by shared caches.
	MaxAge time.Duration `yaml:"max_age" default:"0s" example:"300s"`

	// Sends who has a signed link on to S3, by a URL that is good for so long, so that
	// large files need not go through here. It tells the bucket and the key, and clients
	// have to reach the source's endpoint themselves. 0s sends the file.
	LinkRedirect time.Duration `yaml:"link_redirect" default:"0s" example:"1m"`

	// Whose the files are: your own (trusted), or other people's (untrusted), whose
	// pages are downloaded and not shown. If left out, they are other people's where
	// this mount or another one lets clients write to the source, to a part of it, or to
	// one that it is a part of.
	Content string `yaml:"content" oneof:"trusted|untrusted" example:"untrusted"`

	// Further types that a browser may show of untrusted content, besides pictures,
	// sound, film and plain text.
	Inline []MediaType `yaml:"inline" example:"[application/pdf]"`

	// Sends NAME.br, NAME.zst or NAME.gz for NAME where it is let through and the client
	// can use it. Not for S3.
	Precompressed bool `yaml:"precompressed" default:"false" example:"true"`

	// Lets clients PUT and DELETE what the rules let through.
	Write bool `yaml:"write" default:"false" example:"true"`

	// The types that are taken by PUT, judged by name and content; left out, any is.
	Types []MediaType `yaml:"types" example:"['image/*', application/pdf]" nonempty:"nothing could be written; name types, or leave the key out to take any"`

	// Takes uploads by POST, under names that the server makes.
	Uploads *Uploads `yaml:"uploads"`

	// Who may do what. Without it the mount is open to anyone, within allow and deny;
	// with it, what no rule lets is refused.
	Access []Rule `yaml:"access" nonempty:"nobody may do anything; add a rule, or leave the key out to open the mount to anyone"`

	writer *Mount // another one, by which clients can write to the source; nil for none
}

// Uploads is how uploads under names that the server makes are kept.
type Uploads struct {
	// The database of original names, owners and sizes: sqlite:PATH, or
	// postgres://USER:PASSWORD@HOST/DATABASE where several servers share it. Mounts of
	// several sources may have one catalog: each sees the uploads of its own source alone.
	Catalog Catalog `yaml:"catalog" example:"sqlite:/var/lib/bailiwick/catalog.db"`

	// A file that holds the catalog's address in its one line, to keep a password out of
	// here.
	CatalogFile Path `yaml:"catalog_file" example:"/run/secrets/catalog"`

	// The types that are taken, judged by name and content; left out, those of the
	// mount, or any.
	Types []MediaType `yaml:"types" example:"['image/*', application/pdf]" nonempty:"nothing could be uploaded; name types, or leave the key out to take any"`
}

// A Rule lets some people do some things with some names.
type Rule struct {
	// The principals that the rule applies to: anyone, authenticated, owner (of an upload), user:NAME,
	// group:NAME or claim:KEY=VALUE. Where users of a way of logging in have a suffix, a
	// claim of theirs alone is claim:KEY@SUFFIX=VALUE.
	Who Who `yaml:"who" required:"name the principals that the rule applies to, such as authenticated or group:NAME" example:"group:editors"`

	// What they may do: read, list, write, delete, upload.
	Can []vfs.Op `yaml:"can" required:"say what they may do: any of read, list, write, delete, upload" example:"[read, list]" nonempty:"it lets nobody do anything; say any of read, list, write, delete, upload"`

	// Patterns as in allow, without which all names are meant. {user} as an element is
	// the user's own name.
	Names []string `yaml:"names" example:"['{user}/**']" nonempty:"no name is meant; name some, or leave the key out to mean all"`
}
