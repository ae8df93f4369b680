package probe

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
)

// askRedirects sends paths that a careless redirect, which adds a slash or cleans the path,
// turns into another host. A backslash is only sent encoded: browsers send a slash for it.
func (s *session) askRedirects(ctx context.Context) error {
	dir := strings.TrimSuffix(s.dir(s.m.Shape.Prefix+visibleDir), "/")
	crlf := "%0d%0a" + injected + ":%20yes"
	for _, tail := range []string{dir, s.prefix + dir} {
		for _, start := range []string{"//", "/%5c", "/%2f", "/%09/", "//user@", "///"} {
			for _, back := range []string{"/..", "/%2e%2e", "%2f..", ""} {
				if err := s.askRedirect(ctx, start+elsewhere+back+tail); err != nil {
					return err
				}
			}
		}
		if s.prefix == "" {
			break
		}
	}
	for _, target := range []string{
		s.prefix + "//" + elsewhere + "/%2e%2e", s.prefix + "//" + elsewhere + "/", "//" + elsewhere + s.prefix + "/",
		s.prefix + "/" + crlf + "/%2e%2e" + dir, s.prefix + dir + "?" + crlf, s.prefix + dir + "/" + crlf,
	} {
		if _, err := s.ask(ctx, get(target), ""); err != nil {
			return err
		}
	}
	return nil
}

// askRedirect asks for a path below the prefix, and for the same one at the top.
func (s *session) askRedirect(ctx context.Context, target string) error {
	if _, err := s.ask(ctx, get(s.prefix+target), ""); err != nil || s.prefix == "" {
		return err
	}
	_, err := s.ask(ctx, get(target), "")
	return err
}

// activeTypes are those with which a browser runs scripts.
var activeTypes = []string{"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "text/javascript", "application/javascript"}

// askActive asks for files with scripts.
func (s *session) askActive(ctx context.Context) error {
	for _, f := range s.m.Files {
		if !f.Legal || s.skips(Sniff) || !strings.HasPrefix(f.Name, s.m.Shape.Prefix+activeName) {
			continue
		}
		req := get(s.path(f.Name))
		r, err := s.ask(ctx, req, "")
		if err != nil {
			return err
		}
		if r.status != http.StatusOK {
			continue
		}
		given := r.header.Get("Content-Type")
		if !strings.EqualFold(strings.TrimSpace(r.header.Get("X-Content-Type-Options")), "nosniff") {
			s.find(Sniff, req, r, "a file with a script, as %q, without X-Content-Type-Options: nosniff", clip(given))
			continue
		}
		name, _, _ := mime.ParseMediaType(given)
		ext := filepath.Ext(f.Name)
		if slices.Contains(activeTypes, name) && ext != ".html" && ext != ".svg" {
			s.find(Sniff, req, r, "the type %q comes from the content", clip(given))
		}
	}
	return nil
}

// askDispositions asks for names that end a quoted string; judge looks at the header.
func (s *session) askDispositions(ctx context.Context) error {
	for _, name := range dispositionNames {
		if name = s.m.Shape.name(name); !s.legal(name) {
			continue
		}
		for _, query := range []string{"", "?download", "?download=1"} {
			if _, err := s.ask(ctx, get(s.path(name)+query), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// askRanges asks for many ranges, and for some whose numbers do not fit.
func (s *session) askRanges(ctx context.Context) error {
	name := s.m.Shape.name(bigName)
	if !s.legal(name) || s.skips(Range) {
		return nil
	}
	var single []string
	for i := range 600 {
		single = append(single, fmt.Sprintf("%d-%d", i, i))
	}
	for _, ranges := range []string{
		strings.TrimSuffix(strings.Repeat("0-,", 100), ","),
		strings.Join(single, ","),
		strings.TrimSuffix(strings.Repeat("-200000,", 100), ","),
		"0-18446744073709551616", "-18446744073709551615", "9223372036854775807-", "-9223372036854775808", "1-0", "--1", "0-0,-1,",
	} {
		req := get(s.path(name)).with("Range", "bytes="+ranges)
		r, err := s.ask(ctx, req, "")
		if err != nil {
			return err
		}
		if len(r.body) > 2*bigSize+(64<<10) {
			s.find(Range, req, r, "%d bytes at least, for a file of %d", len(r.body), bigSize)
		}
	}
	return nil
}
