package config

import (
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// mounts finds contradictions within and between mounts, and sets the defaults that
// depend on other mounts.
func (v *validator) mounts() {
	first := map[[2]string]string{}
	for i := range v.Mounts {
		m, key := &v.Mounts[i], index("mounts", i)
		if v.d.bad[key] {
			continue
		}
		if m.Path != "" && !v.d.bad[key+".host"] {
			where := [2]string{string(m.Host), string(m.Path)}
			if earlier := first[where]; earlier != "" {
				v.fail(key, "%s is already served by the mount at %s; choose another path or host", printable(string(m.Host+Host(m.Path))), earlier)
			} else {
				first[where] = v.positionOf(key).String()
			}
		}
		v.sources(m, key)
		v.page(m, key)
		if m.Uploads != nil {
			v.uploads(m, key)
		} else {
			v.files(m, key)
		}
		if m.LinkRedirect != 0 {
			v.linkRedirect(m, key+".link_redirect")
		}
		for j, t := range m.Inline {
			v.inline(t, index(key+".inline", j))
		}
		if len(m.Inline) > 0 && m.Content == "trusted" {
			v.fail(key+".inline", "browsers display trusted content of any type; leave out inline or content: trusted")
		}
		for j := range m.Access {
			v.rule(m, j, index(key+".access", j))
		}
	}
	v.content()
}

// files validates a mount that serves the source's own names.
func (v *validator) files(m *Mount, key string) {
	if len(m.Allow)+len(m.AllowFile) == 0 && !v.d.bad[key+".allow"] && !v.d.bad[key+".allow_file"] {
		at := key
		if v.there(key + ".allow") {
			at += ".allow"
		}
		v.fail(at, "nothing is allowed, so nothing would be served; list the allowed names, such as allow: [\"**/*.html\"]%s", flagFor(v.positionOf(at), "mounts[].allow"))
	}
	if m.Types != nil && !m.Write {
		v.fail(key+".types", "clients cannot write here; add write: true, or leave it out%s", flagFor(v.positionOf(key+".types"), "mounts[].write"))
	}
	if m.NoIndex && m.Index != nil {
		v.fail(key+".index", "no_index disables index files; leave one of them out")
	}
	if m.FallbackFor != nil && m.Fallback == "" && !v.d.bad[key+".fallback"] {
		v.fail(key+".fallback_for", "there is no fallback; add it, such as fallback: index.html")
	}
	if m.Precompressed && slices.ContainsFunc(m.Layers(), Source.remote) && (m.Cache == nil || m.Cache.TTL == 0) {
		v.fail(key+".precompressed", "on S3, this would request NAME.br, NAME.zst and NAME.gz before each NAME; add a cache with a ttl, which remembers them, or leave this out")
	}
}

// uploads validates a mount whose names the server generates. It has no other names.
func (v *validator) uploads(m *Mount, key string) {
	for _, other := range []struct {
		key string
		set bool
	}{
		{"allow", m.Allow != nil}, {"deny", m.Deny != nil}, {"allow_file", m.AllowFile != nil},
		{"symlinks", m.Symlinks == "inside"}, {"list", m.List}, {"precompressed", m.Precompressed},
		{"fallback", m.Fallback != ""}, {"fallback_for", m.FallbackFor != nil}, {"not_found", m.NotFound != ""},
		{"index", m.Index != nil}, {"no_index", m.NoIndex},
	} {
		if other.set {
			v.fail(key+"."+other.key, "the server generates the names of uploads, and this mount has no other names; leave out either this key or uploads")
		}
	}
	if m.Write {
		v.fail(key+".write", "with write, clients choose the names; with uploads, the server does; leave one of them out")
	}
	if m.Content == "trusted" {
		v.fail(key+".content", "uploads are always untrusted content; leave it out")
	}
	if len(m.Inline) > 0 {
		v.fail(key+".inline", "of uploads, browsers show only images, audio, video and plain text; leave it out")
	}
	v.catalog(key+".uploads", m.Uploads.Catalog, m.Uploads.CatalogFile,
		"uploads need a database for original names and owners; add a catalog, such as sqlite:/var/lib/bailiwick/catalog.db")
}

// page validates what browsers get, and sets its default.
func (v *validator) page(m *Mount, key string) {
	shown := m.List || m.Uploads != nil
	switch {
	case m.Page == "" && shown && !v.d.bad[key+".page"]:
		m.Page = "full"
	case m.Page != "" && !shown && !v.d.bad[key+".list"] && !v.d.bad[key+".uploads"]:
		v.fail(key+".page", "nothing is listed here, so there is no page; add list: true, or leave it out%s", flagFor(v.positionOf(key+".page"), "mounts[].list"))
		return
	}
	for _, look := range []struct {
		key string
		set bool
	}{{"page_title", m.PageTitle != ""}, {"page_logo", m.PageLogo != ""}, {"page_color", m.PageColor != ""}} {
		if look.set && m.Page != "full" && !v.d.bad[key+".page"] {
			v.fail(key+"."+look.key, "only the full page shows it; list files with list: true and leave out page, or leave this out")
		}
	}
}

// maxLinkRedirect limits the lifetime of presigned URLs, which cannot be revoked.
const maxLinkRedirect = time.Hour

func (v *validator) linkRedirect(m *Mount, key string) {
	switch d := m.LinkRedirect; {
	case v.d.bad[key]:
	case d < time.Second || d > maxLinkRedirect || d%time.Second != 0:
		v.fail(key, "write whole seconds, from 1s to 1h; a URL cannot be revoked once a client has it")
	case v.Links == nil && !v.d.bad["links"]:
		v.fail(key, "signed links are not configured; add their keys%s", flagFor(v.positionOf(key), "links.keys"))
	case m.complete() && !slices.ContainsFunc(m.Layers(), Source.remote):
		v.fail(key, "only S3 sources support redirects; leave it out")
	}
}

// active lists the types that can run scripts in a browser.
var active = []string{
	"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "multipart/x-mixed-replace", "message/rfc822",
	"text/*", "image/*", "application/*", "multipart/*", "message/*",
}

func (v *validator) inline(t MediaType, key string) {
	if slices.Contains(active, string(t)) || strings.Contains(string(t), "script") || strings.HasSuffix(string(t), "+xml") {
		v.fail(key, "%s can contain scripts, which would run in this site's origin; leave it out", t)
	}
}

// rule validates one access rule.
func (v *validator) rule(m *Mount, j int, key string) {
	r := &m.Access[j]
	if v.d.bad[key] || r.Who == "" {
		return
	}
	for i, name := range r.Names {
		if name == "" {
			continue
		}
		if _, err := access.Compile([]access.Rule{{Who: string(r.Who), Can: []vfs.Op{vfs.OpRead}, Names: []string{name}}}, nil); err != nil && !v.d.bad[key+".who"] {
			v.fail(index(key+".names", i), "%s", ruleErrorText(err))
		}
	}
	if m.Uploads == nil && r.Who == "owner" {
		v.fail(key+".who", "only uploads have an owner; name users or groups, or add uploads")
	}
	if i := slices.Index(r.Can, access.OpShare); i >= 0 {
		v.mayShare(m, index(key+".can", i))
	}
	if i := slices.Index(r.Can, vfs.OpUpload); m.Uploads == nil && i >= 0 {
		v.fail(index(key+".can", i), "this mount has no uploads; use write for PUT, or add uploads")
	}
	v.group(r.rule(), key+".who")
	v.claim(r.rule(), key+".who")
}

// group refuses a group that nobody can be a member of.
func (v *validator) group(r access.Rule, key string) {
	name, ok := r.Group()
	if !ok || v.Users.OIDC != nil && v.Users.OIDC.GroupsClaim != "" || v.d.bad[key] || v.d.bad["groups"] {
		return
	}
	if _, ok := v.Groups[name]; !ok {
		var known []string
		for group := range v.Groups {
			known = append(known, group)
		}
		slices.Sort(known)
		v.fail(key, "unknown group %s%s; add it to groups%s", printable(name), suggestion(name, known), flagFor(v.positionOf(key), "groups"))
	}
}

// ruleErrorText returns the message of an error from package access, without the prefix that the
// error's place makes redundant.
func ruleErrorText(err error) string {
	return strings.TrimPrefix(err.Error(), access.ErrRule.Error()+": ")
}

// Rules returns the mount's access rules, for access.Compile; nil if the mount is open
// to anyone.
func (m *Mount) Rules() []access.Rule {
	var rules []access.Rule
	for _, r := range m.Access {
		rules = append(rules, r.rule())
	}
	return rules
}

// rule returns the rule as package access has it.
func (r *Rule) rule() access.Rule {
	return access.Rule{Who: string(r.Who), Can: r.Can, Names: r.Names}
}

// TypesTaken returns the media types that clients may upload; an empty list accepts any
// type.
func (m *Mount) TypesTaken() []MediaType {
	if m.Uploads != nil && m.Uploads.Types != nil {
		return m.Uploads.Types
	}
	return m.Types
}
