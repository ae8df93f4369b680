package probe

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// askTwiceDecoded asks for the file once-%41, which is once-A to a server that decodes
// twice.
func (s *session) askTwiceDecoded(ctx context.Context) error {
	if s.lacks(DoubleDecode) != "" {
		return nil
	}
	req := get(s.path(s.m.Shape.name(onceName)))
	r, err := s.ask(ctx, req, "")
	if err != nil {
		return err
	}
	for _, i := range s.m.tokens(r.body) {
		if i < len(s.m.Files) && s.m.Files[i].Name == s.m.Shape.name(decodedName) {
			s.double = true
			s.find(DoubleDecode, req, r, "the file %s, and not %s", s.m.Shape.name(decodedName), s.m.Shape.name(onceName))
		}
	}
	return nil
}

// askLegal asks for all that has to be served.
func (s *session) askLegal(ctx context.Context) error {
	for i, f := range s.m.Files {
		if !f.Legal {
			continue
		}
		req := get(s.path(f.Name))
		if f.Raw != "" {
			req.target = s.prefix + "/" + f.Raw
		}
		r, err := s.ask(ctx, req, "")
		if err != nil {
			return err
		}
		switch {
		case r.status == http.StatusOK && r.body == s.content(i), r.timeout, r.status == 0, r.status >= 500:
		case s.double && strings.Contains(f.Name, "%"):
			// This is what decoding twice does.
		case r.status == http.StatusOK:
			s.find(Legal, req, r, "the file %s has other content", printable(f.Name))
		default:
			s.find(Legal, req, r, "the file %s gets status %d", printable(f.Name), r.status)
		}
	}
	return nil
}

// askTable sends the rows of the attack table for names in the tree. Their canaries are
// there; a row that the rules let through is harmless.
func (s *session) askTable(ctx context.Context) error {
	for _, a := range attacks.All() {
		if leadsOut(a.Raw) {
			continue
		}
		if _, err := s.ask(ctx, get(s.prefix+"/"+s.m.Top+a.Raw), a.Class); err != nil {
			return err
		}
	}
	return nil
}

// The canary of the table outside its root, as its rows write it.
const (
	tableCanary   = "canary.txt"
	encodedCanary = "%63%61%6e%61%72%79%2e%74%78%74"
)

func leadsOut(raw string) bool {
	return strings.Contains(raw, tableCanary) && !strings.Contains(raw, "links/dir/") || strings.Contains(raw, encodedCanary)
}

// askOutside sends the rows of the table that lead out of the directory, with the canaries
// that were planted in the place of the table's own.
func (s *session) askOutside(ctx context.Context) error {
	for _, c := range s.m.Outside {
		for _, a := range attacks.All() {
			if !leadsOut(a.Raw) {
				continue
			}
			for _, raw := range s.outward(a, c) {
				if _, err := s.ask(ctx, get(s.prefix+raw), a.Class); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// outward returns the targets, without the prefix, by which a row reaches a canary.
func (s *session) outward(a attacks.Attack, c canary) []string {
	write := func(raw, path string) string {
		var all strings.Builder
		for i := range len(path) {
			fmt.Fprintf(&all, "%%%02x", path[i])
		}
		return strings.NewReplacer("root-secret/"+tableCanary, escape(path), tableCanary, escape(path), encodedCanary, all.String()).Replace(raw)
	}
	absolute := strings.TrimPrefix(filepath.ToSlash(c.Path[len(filepath.VolumeName(c.Path)):]), "/")
	base := filepath.Base(c.Path)
	switch c.Place {
	case parent:
		// The table's directory for files that are served is that of the tree.
		raw := a.Raw
		if s.m.Top != "" {
			raw = strings.Replace(raw, "public/ok.txt/", escape(s.m.Shape.name(markerName))+"/", 1)
			raw = strings.Replace(raw, "public/", s.m.Top, 1)
		}
		targets := []string{"/" + write(raw, base)}
		if s.prefix != "" && a.Name == "dotdot" {
			// Off by a slash: "location /files" with "alias /srv/www/", or the reverse.
			targets = append(targets, "../"+escape(base), "..%2f"+escape(base), escape(strings.TrimPrefix(base, filepath.Base(s.m.Dir))))
		}
		return targets
	case temp:
		if a.Class == "absolute" {
			return []string{"/" + write(a.Raw, absolute)}
		}
		// As many steps up as there may be.
		up, ok := strings.CutSuffix(a.Raw, tableCanary)
		if !ok || strings.Contains(up, "public") || strings.Contains(up, "such") || strings.Contains(up, "root-secret") {
			return nil
		}
		return []string{"/" + strings.Repeat(up, 16) + escape(absolute)}
	}
	return nil // the beside canary is asked for by its name
}

// askHidden asks for what exists and is not to be served, by its plain name.
func (s *session) askHidden(ctx context.Context) error {
	for _, f := range s.m.Files {
		if f.Absent || !s.refuses(f.Name) {
			continue
		}
		if _, err := s.ask(ctx, get(s.path(f.Name)), ""); err != nil {
			return err
		}
	}
	for _, c := range s.m.Outside {
		if c.Place != beside {
			continue
		}
		if _, err := s.ask(ctx, get(s.path(filepath.Base(c.Path))), ""); err != nil {
			return err
		}
	}
	return nil
}

// askLinks asks for the links, and for a file behind those to directories.
func (s *session) askLinks(ctx context.Context) error {
	for _, name := range s.m.Links {
		targets := []string{s.path(name), s.path(name) + "/", s.path(name) + "/" + escape(filepath.Base(s.outsideFile()))}
		for _, target := range targets {
			if _, err := s.ask(ctx, get(target), "symlink"); err != nil {
				return err
			}
			// That a link to a directory exists is then no finding of its own.
			s.leaked[s.path(name)] = s.leaked[s.path(name)] || s.leaked[target]
		}
	}
	return nil
}

// askListings asks for directories in the ways in which servers list them.
func (s *session) askListings(ctx context.Context) error {
	dirs := []string{"/", s.dir(s.m.Top), s.dir(s.m.Shape.Prefix), s.dir(s.m.Shape.Prefix + visibleDir + "/")}
	for _, f := range s.m.Files {
		if dir, _, ok := strings.Cut(f.Name, "-"+s.m.Secret+"/"); ok {
			dirs = append(dirs, s.dir(dir+"-"+s.m.Secret+"/"))
		}
	}
	dirs = append(dirs, "/../", "/%2e%2e/", "/..%2f")
	seen := map[string]bool{}
	for _, dir := range dirs {
		if seen[dir] {
			continue
		}
		seen[dir] = true
		at := s.prefix + dir
		list := []request{
			get(at), get(strings.TrimSuffix(at, "/")), get(at + "?list-type=2&prefix="), get(at).with("Accept", "application/json"),
			request{method: "PROPFIND", target: at}.with("Depth", "1"),
		}
		for _, req := range list {
			if req.target == "" {
				continue
			}
			if _, err := s.ask(ctx, req, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// dir returns the path of a directory relative to Dir, which is empty or ends with a slash.
func (s *session) dir(name string) string { return "/" + escape(name) }
