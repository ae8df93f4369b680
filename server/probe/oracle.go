package probe

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A twin is a target that leads to something that exists and is not served, and one of the
// same length that leads to nothing. A third one of that kind tells what varies anyway.
type twin struct{ secret, missing, other string }

// twins returns the pairs to compare.
func (s *session) twins() []twin {
	var targets []string
	seen := map[string]bool{}
	add := func(target string) {
		if !seen[target] && strings.Contains(target, s.m.Secret) {
			seen[target] = true
			targets = append(targets, target)
		}
	}
	for _, f := range s.m.Files {
		if f.Absent || !s.refuses(f.Name) || !s.twinned(f.Name) {
			continue
		}
		add(s.path(f.Name))
		add(s.path(f.Name) + "/x")
		for dir := path.Dir(f.Name); dir != "."; dir = path.Dir(dir) {
			if !shows(s.jail, dir) {
				add(s.path(dir))
			}
		}
	}
	for _, name := range s.m.Links {
		add(s.path(name))
	}
	for _, c := range s.m.Outside {
		base := escape(filepath.Base(c.Path))
		switch c.Place {
		case beside:
			add(s.path(filepath.Base(c.Path)))
		case parent:
			add(s.prefix + "/../" + base)
			add(s.prefix + "/%2e%2e/" + base)
			add(s.prefix + "/..%2f" + base)
		}
	}
	twins := make([]twin, len(targets))
	for i, target := range targets {
		twins[i] = twin{target, strings.ReplaceAll(target, s.m.Secret, s.m.Twin), strings.ReplaceAll(target, s.m.Secret, reverse(s.m.Twin))}
	}
	return twins
}

// twinned reports whether the rules treat a name and its twin alike.
func (s *session) twinned(name string) bool {
	return serves(s.jail, name) == serves(s.jail, strings.ReplaceAll(name, s.m.Secret, s.m.Twin))
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// questions are the ways in which a target is asked for.
var questions = []func(target string) request{
	get,
	func(target string) request { return request{method: http.MethodHead, target: target} },
	func(target string) request { return get(target + "/") },
	func(target string) request { return get(target).with("If-None-Match", "*") },
	func(target string) request {
		return get(target).with("If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT")
	},
	func(target string) request { return get(target).with("Range", "bytes=0-0") },
	func(target string) request { return request{method: http.MethodOptions, target: target} },
	func(target string) request { return request{method: http.MethodPost, target: target} },
}

// askOracles compares the responses for names that exist and are not served with those
// for names that do not exist.
func (s *session) askOracles(ctx context.Context) error {
	for _, t := range s.twins() {
		if s.skips(Oracle) {
			return nil
		}
		for _, question := range questions {
			// What is served or listed is a finding of its own.
			if s.leaked[t.secret] || s.leaked[question(t.secret).target] {
				break
			}
			found, err := s.compare(ctx, t, question)
			if err != nil {
				return err
			}
			if found {
				break
			}
		}
	}
	return nil
}

// compare asks for both and reports a difference that is there twice.
func (s *session) compare(ctx context.Context, t twin, question func(string) request) (found bool, err error) {
	replies := [2]reply{}
	for i, target := range []string{t.secret, t.missing} {
		if replies[i], err = s.ask(ctx, question(target), ""); err != nil {
			return false, err
		}
	}
	req := question(t.secret)
	if s.leaked[req.target] || difference(replies[0], replies[1], s.names(t), varying{}) == "" {
		return false, nil
	}
	again := [3]reply{}
	for i, target := range []string{t.missing, t.other, t.secret} {
		if again[i], err = s.ask(ctx, question(target), ""); err != nil {
			return false, err
		}
	}
	except := variesBetween(again[0], again[1], s.names(t))
	first := difference(replies[0], replies[1], s.names(t), except)
	second := difference(again[2], again[0], s.names(t), except)
	if first == "" || second == "" {
		return false, nil
	}
	s.find(Oracle, req, replies[0], "it exists and is not served; the response differs from that for %s: %s", printable(t.missing), first)
	return true, nil
}

// names replaces what distinguishes the twins in a response that repeats them.
func (s *session) names(t twin) *strings.Replacer {
	var pairs []string
	for _, target := range []string{t.secret, t.missing, t.other} {
		decoded, err := url.PathUnescape(target)
		if err != nil {
			decoded = target
		}
		for _, spelling := range []string{target, decoded, html.EscapeString(decoded), path.Clean(decoded)} {
			pairs = append(pairs, spelling, "NAME")
		}
	}
	for _, nonce := range []string{s.m.Secret, s.m.Twin, reverse(s.m.Twin)} {
		pairs = append(pairs, nonce, "NONCE")
	}
	return strings.NewReplacer(pairs...)
}

// varying is what differs between two responses for names that do not exist.
type varying struct {
	fields       map[string]bool
	body, length bool
}

func variesBetween(a, b reply, names *strings.Replacer) varying {
	v := varying{fields: map[string]bool{}}
	for _, name := range fieldNames(a, b) {
		v.fields[name] = fields(a, name, names) != fields(b, name, names)
	}
	v.body = names.Replace(a.body) != names.Replace(b.body)
	v.length = len(a.body) != len(b.body)
	return v
}

// difference says in what two responses differ, "" if in nothing.
func difference(a, b reply, names *strings.Replacer, except varying) string {
	if a.status != b.status {
		return "status " + strconv.Itoa(a.status) + ", not " + strconv.Itoa(b.status)
	}
	for _, name := range fieldNames(a, b) {
		if x, y := fields(a, name, names), fields(b, name, names); !except.fields[name] && x != y {
			return clip(name) + " is " + strconv.Quote(clip(x)) + ", not " + strconv.Quote(clip(y))
		}
	}
	switch {
	case !except.body && names.Replace(a.body) != names.Replace(b.body):
		return "another body"
	case except.body && !except.length && len(a.body) != len(b.body):
		return "a body of another length"
	}
	return ""
}

// fieldNames returns the header fields of both, in order. Date is the time of day.
func fieldNames(a, b reply) []string {
	var all []string
	for _, h := range []http.Header{a.header, b.header} {
		for name := range h {
			if name != "Date" {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func fields(r reply, name string, names *strings.Replacer) string {
	return names.Replace(strings.Join(r.header.Values(name), ", "))
}
