package config

import (
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

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
	// one that has it. Only the first one is written to, if write is set; removing what
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
	// nothing), off the JSON that programs get. If omitted, full if list or
	// uploads is set. With full, no file has a name with the element .bailiwick, below which the
	// page keeps what it loads.
	Page string `yaml:"page" oneof:"full|plain|off" example:"plain"`

	// The name of the site on the page. If omitted, Files.
	PageTitle PageTitle `yaml:"page_title" example:"Example files"`

	// An image for the page: PNG, JPEG, GIF, WebP or SVG, of at most 256KiB. Everyone can
	// load it.
	PageLogo Path `yaml:"page_logo" example:"/etc/bailiwick/logo.svg"`

	// The color of links and buttons on the page. Where it would be unreadable, the page uses
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

	// The maximum size of the cache. 5% of its file system stays free in any case.
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

	// The operations to grant: read, list, write, delete, upload, share. A user who may share a
	// name can give others a link that lets them do there what the user may do: read and list,
	// or add files. Only users who have logged in can share.
	Can []vfs.Op `yaml:"can" required:"list the operations to grant: any of read, list, write, delete, upload, share" example:"[read, list]" nonempty:"the rule grants nothing; list any of read, list, write, delete, upload, share"`

	// The names that the rule applies to, as patterns like those in allow. If omitted, all
	// names. The element {user} stands for the user's own name.
	Names []string `yaml:"names" example:"['{user}/**']" nonempty:"the list is empty; add a pattern, or leave the key out to match all names"`
}
