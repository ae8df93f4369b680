package daemon

import (
	"context"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// announce writes a line to standard error, but waits only a second for it: if nobody reads
// the other end of a pipe, the server must still serve, reload and end.
func (s *service) announce(format string, args ...any) {
	within(time.Second, func() { s.std.Say(format, args...) })
}

// within calls f and returns when it has returned or d is over.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// announceExposure reports how many names the current rules expose, and to whom.
func (s *service) announceExposure() {
	g := s.current.Load()
	s.announceOwnFiles(g)
	for _, line := range g.review.Exposure.Lines(cli.IsTerminal(s.std.Err)) {
		s.announce("%s", line)
	}
}

// announceWarnings reports what is probably not meant.
func (s *service) announceWarnings(g *generation) {
	for _, w := range g.review.Warnings {
		s.announce("warning: %s", w)
	}
}

// announceNotes reports what an operator should know about the sources.
func (s *service) announceNotes(g *generation) {
	printed := map[string]bool{}
	for _, m := range g.mounts {
		for _, layer := range m.layers {
			for _, note := range layer.source.Notes {
				if !printed[note] {
					printed[note] = true
					s.announce("%s", note)
				}
			}
		}
	}
}

// announceRights reports what clients can change, and what is probably not meant.
func (s *service) announceRights(g *generation) {
	s.announceNames(g)
	for _, m := range g.mounts {
		where := ""
		if len(g.mounts) > 1 {
			where = m.cfg.URL() + ": "
		}
		s.announceWrites(g, m, where)
		s.announceCache(m, where)
	}
	s.announceBypasses(g)
	s.announceWarnings(g)
}

// announceWrites reports what clients can change in a mount, and whether content that clients
// can change, by this mount or another, is trusted.
func (s *service) announceWrites(g *generation, m *mount, where string) {
	max := g.cfg.Limits.Upload
	whose := "anybody who reaches this server"
	if m.access != nil {
		whose = "whoever the access rules name"
	}
	switch {
	case m.cfg.Uploads != nil:
		s.announce("%suploads: %s can POST files up to %s, types %s; they are kept under names that the server makes", where, whose, max, typesOf(m.cfg.TypesTaken()))
	case m.cfg.Write:
		s.announce("%sclients can write: PUT, DELETE, COPY and MOVE, by %s, of every name that the rules allow; files up to %s, types %s", where, whose, max, typesOf(m.cfg.TypesTaken()))
		if m.cfg.Content == "trusted" {
			s.announce("%scontent: trusted, so a page that a client puts runs as this site's own in every visitor's browser; content untrusted prevents that", where)
			return
		}
		s.announce("%scontent: untrusted, pages and other active content are downloaded and not shown", where)
	case m.cfg.Writer() != nil:
		writer := cli.Printable(m.cfg.Writer().URL())
		if m.cfg.Content == "trusted" {
			s.announce("%scontent: trusted, though clients can write to it by %s: a page that they put runs as this site's own in every visitor's browser; content untrusted prevents that", where, writer)
			return
		}
		s.announce("%scontent: untrusted, since clients can write to it by %s: pages and other active content are downloaded and not shown; content: trusted shows them", where, writer)
	}
}

// announceSources warns of each catalog that has no uploads of its mount's source, but some
// of a source without a mount: that source was moved or renamed.
func (s *service) announceSources(ctx context.Context, g *generation) {
	var served []catalog.Source
	for _, m := range g.mounts {
		for _, layer := range m.layers {
			served = append(served, catalog.Source(layer.source.Label))
		}
	}
	for _, m := range g.mounts {
		if m.catalog != nil {
			catalogs.SayElsewhere(ctx, s.announce, m.catalog.shared, string(m.cfg.Layers()[0]), m.source.source.Label, served)
		}
	}
}
