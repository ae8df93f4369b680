package main

import (
	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// beneath says once of each object that others lie beneath it.
type beneath struct{ said string }

func (b *beneath) of(f vfs.Finding, say func(format string, args ...any)) {
	if f.Beneath == "" || f.Beneath == b.said {
		return
	}
	b.said = f.Beneath
	say("%s is an object and a directory, too: some services leave out of their listings what is in it; rename one of the two", printable(f.Beneath))
}

// sayUnlisted warns of a source whose search can miss objects.
func (s streams) sayUnlisted(src *backends.Source) {
	if src.Unlisted != "" {
		s.say("%s", src.Unlisted)
	}
}
