package probe

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// injected is a header field that no server sends by itself, and elsewhere a host to which
// none redirects.
const (
	injected  = "X-Bailiwick-Probe"
	elsewhere = "redirect.bailiwick.invalid"
)

// judge reports what no response may have, whatever was asked for.
func (s *session) judge(req request, r reply, class string) {
	switch {
	case r.timeout:
		s.find(Hang, req, r, "no complete response within %s", s.client.timeout)
	case r.endless:
		s.find(Error, req, r, "a header of more than %d bytes", maxHeader)
	case r.status == 0 && s.client.wellFormed(req):
		s.find(Error, req, r, "the connection was closed without a response")
	case r.status >= 500 && r.status != http.StatusNotImplemented && r.status != http.StatusHTTPVersionNotSupported:
		s.find(Error, req, r, "status %d", r.status)
	}
	s.judgeTokens(req, r, class)
	s.judgeNames(req, r, class)
	if to := r.header.Get("Location"); s.offHost(to) {
		s.find(Redirect, req, r, "a redirect to %s", printable(clip(to)))
	}
	if r.header.Get(injected) != "" {
		s.find(Header, req, r, "the path added a field to the header")
	}
	if why := s.badDisposition(r.header); why != "" {
		s.find(Header, req, r, "Content-Disposition: %s", why)
	}
}

// judgeTokens looks for contents that are not to be served.
func (s *session) judgeTokens(req request, r reply, class string) {
	for _, i := range s.m.tokens(r.body) {
		kind, what := Escape, ""
		if i < len(s.m.Files) {
			name := s.m.Files[i].Name
			if serves(s.jail, name) {
				continue
			}
			what = "the file " + printable(name)
			if kind = Hidden; dotted(name) {
				kind = Dotfile
			}
		} else if c := s.m.Outside[i-len(s.m.Files)]; c.Place == beside {
			what = "the file " + printable(filepath.Base(c.Path))
			if kind = Hidden; dotted(filepath.Base(c.Path)) {
				kind = Dotfile
			}
		} else {
			what = "the file " + printable(c.Path) + ", outside"
		}
		switch class {
		case "symlink":
			kind, what = Symlink, what+", by a link"
		case "double decoding":
			kind = DoubleDecode
			s.double = true
		}
		s.find(kind, req, r, "%s", what)
		return
	}
}

// judgeNames looks for names that a client cannot guess and did not send.
func (s *session) judgeNames(req request, r reply, class string) {
	sent := req.target
	if decoded, err := url.PathUnescape(sent); err == nil {
		sent += " " + decoded
	}
	text := r.body + " " + r.header.Get("Location") + " " + r.header.Get("Link")
	for _, c := range s.m.Outside {
		if name := filepath.Base(c.Path); c.Place != beside && strings.Contains(text, name) && !strings.Contains(sent, name) {
			kind := Escape
			if class == "symlink" {
				kind = Symlink
			}
			s.find(kind, req, r, "the name %s, outside", printable(name))
			return
		}
	}
	for _, name := range s.elements {
		if strings.Contains(text, name) && !strings.Contains(sent, name) {
			s.find(Listing, req, r, "the name %s", printable(name))
			return
		}
	}
}

// secretElements returns the elements of names that a client may not know of: those of
// files that are refused, and of directories without anything that can be served.
func (t *Tree) secretElements() []string {
	var elems []string
	for _, c := range t.m.Outside {
		if c.Place == beside {
			elems = append(elems, filepath.Base(c.Path))
		}
	}
	for _, f := range t.m.Files {
		for at := range f.Name + "/" {
			if (f.Name + "/")[at] != '/' {
				continue
			}
			name := f.Name[:at]
			elem := path.Base(name)
			if !strings.Contains(elem, t.m.Secret) || slices.Contains(elems, elem) || f.Absent {
				continue
			}
			if name == f.Name && !serves(t.jail, name) || name != f.Name && !shows(t.jail, name) {
				elems = append(elems, elem)
			}
		}
	}
	return elems
}

// offHost reports whether a browser leaves the host for this Location.
func (s *session) offHost(location string) bool {
	// Browsers drop these, and take a backslash for a slash.
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimSpace(location))
	if location == "" {
		return false
	}
	u, err := url.Parse(location)
	if err != nil {
		return strings.Contains(location, elsewhere)
	}
	own := &url.URL{Host: s.client.host}
	return u.Host != "" && !strings.EqualFold(u.Hostname(), s.client.base.Hostname()) && !strings.EqualFold(u.Hostname(), own.Hostname())
}

// badDisposition says what is wrong with the Content-Disposition of a response, "" if
// nothing is.
func (s *session) badDisposition(h http.Header) string {
	values := h.Values("Content-Disposition")
	switch len(values) {
	case 0:
		return ""
	case 1:
	default:
		return "there are two of them"
	}
	_, params, err := mime.ParseMediaType(values[0])
	switch {
	case err != nil:
		return clip(err.Error())
	case params["filename"] == "evil.exe"+path.Ext(s.m.Shape.Suffix), params["filename"] == "evil.exe":
		return "the name became another file name"
	}
	return ""
}
