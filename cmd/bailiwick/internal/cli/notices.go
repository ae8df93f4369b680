package cli

import (
	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A BeneathNotice warns once about each object whose name is also a directory of other
// objects, which S3 allows.
type BeneathNotice struct{ said string }

// Check warns of the object above f, if there is one.
func (b *BeneathNotice) Check(f vfs.Finding, say func(format string, args ...any)) {
	if f.Beneath == "" || f.Beneath == b.said {
		return
	}
	b.said = f.Beneath
	say("%s is both an object and a directory: some services omit the objects in it from their listings; rename one of the two", Printable(f.Beneath))
}

// SayIgnored warns of an endpoint that the environment names and the source does not use.
func (s Streams) SayIgnored(src *backends.Source) {
	if src.IgnoredEndpoint != "" {
		s.Say("%s", src.IgnoredEndpoint)
	}
}

// SayUnlisted warns of a source whose listings can miss objects.
func (s Streams) SayUnlisted(src *backends.Source) {
	if src.Unlisted != "" {
		s.Say("%s", src.Unlisted)
	}
}
