package config_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// withoutFlag lists the keys without a flag, and the reasons.
var withoutFlag = map[string]string{
	"mounts[].access[].who":         "part of an --access rule",
	"mounts[].access[].can[]":       "part of an --access rule",
	"mounts[].access[].names[]":     "part of an --access rule",
	"mounts[].uploads.catalog_file": "BAILIWICK_CATALOG_FILE, as for every secret",
	"shares.catalog_file":           "BAILIWICK_SHARES_FILE, as for every secret",
	"mounts[].uploads.types[]":      "--types sets it for PUT and for uploads; a mount has only one of them",
	"mounts[].source":               "the argument SOURCE",
	"mounts[].sources[]":            "the argument SOURCE, several times",
}

// A command line can set everything that a file can set for a single mount.
func TestKeysHaveFlags(t *testing.T) {
	of := map[string]string{}
	for flag, key := range config.Flags {
		if other := of[key]; other != "" {
			t.Errorf("--%s and --%s set the same key", flag, other)
		}
		of[key] = flag
	}
	keys, without := config.Keys(), maps.Clone(withoutFlag)
	for _, key := range keys {
		holds := slices.ContainsFunc(keys, func(other string) bool { return strings.HasPrefix(other, key+".") })
		flag, why := of[strings.TrimSuffix(key, "[]")], without[key]
		switch {
		case flag == "" && why == "" && !holds:
			t.Errorf("%s has no flag", key)
		case flag != "" && why != "":
			t.Errorf("%s has the flag --%s, but withoutFlag lists it", key, flag)
		}
		delete(of, strings.TrimSuffix(key, "[]"))
		delete(without, key)
	}
	for key, flag := range of {
		t.Errorf("--%s sets %s, which is not a key", flag, key)
	}
	for key := range without {
		t.Errorf("there is no key %s", key)
	}
}

// Each flag has the same effect as its key: a file and a command line with the same
// values give the same configuration.
func TestGivenIsFile(t *testing.T) {
	root := ""
	if runtime.GOOS == "windows" {
		root = "C:" // without it no path is absolute
	}
	used := map[string]bool{}
	for _, c := range []struct {
		source string
		file   string
		flags  [][]string // a flag and its values
	}{
		{root + "/src", `
listen: [":1", ":2"]
hosts: [a.example, B.example]
admin: 127.0.0.1:3
tls: {acme: {domains: [a.example, b.example], dir: ROOT/acme, email: a@b.example, directory: "https://ca.example/d"}}
access_log: {file: "off"}
users: {htpasswd: ROOT/users, tokens: ROOT/tokens, oidc: {issuer: "https://id.example", audience: us, user_claim: name, groups_claim: groups, suffix: id, client_id: web, client_secret_file: ROOT/secret}, sessions: {keys: ROOT/session-keys, max_age: 18h, idle: 19m}, client_certificates: {ca: ROOT/ca, suffix: crt}}
groups: {editors: [alice, Bob B., carol], nobody: []}
links: {keys: ROOT/keys}
shares: {catalog: "sqlite:ROOT/shares.db", max_age: 90d, max_received: 7GiB}
limits: {connections: 1, requests_in_flight: 2, rate_per_client: 3/s, failed_logins: 4/m, header_size: 5KiB, header_timeout: 6s, idle_timeout: 7s, minimum_rate: 8B/s, upload: 9MiB, upload_time: 10s, uploads: 11, archives: 12, archive_entries: 13}
trusted_proxies: [10.0.0.0/8]
drain: 12s
landlock: off
mounts:
  - path: /p
    host: h.example
    source: ROOT/src
    allow: ["*.a", "*.b"]
    deny: [d]
    allow_file: [ROOT/names]
    symlinks: inside
    hard_links: serve
    list: true
    page: full
    page_title: A title
    page_logo: ROOT/logo.svg
    page_color: "#0b6e4f"
    no_index: true
    max_age: 13s
    content: untrusted
    inline: [application/pdf, text/x-a]
    precompressed: true
    write: true
    types: [image/*, text/plain]
    access:
      - {who: anyone, can: [read]}
      - {who: "user:Bob B.", can: [read, list], names: ["two words/ **"]}
      - {who: "group:editors", can: [write], names: ["{user}/**"]}
      - {who: "claim:k=v", can: [delete], names: ["re:can .* can"]}
`, [][]string{
			{"listen", ":1", ":2"}, {"host", "a.example", "B.example"}, {"admin", "127.0.0.1:3"},
			{"acme-host", "a.example", "b.example"}, {"acme-cache", "ROOT/acme"}, {"acme-email", "a@b.example"}, {"acme-directory", "https://ca.example/d"},
			{"access-log", "off"}, {"htpasswd", "ROOT/users"}, {"tokens", "ROOT/tokens"}, {"client-ca", "ROOT/ca"}, {"link-keys", "ROOT/keys"}, {"shares", "sqlite:ROOT/shares.db"}, {"share-max-age", "90d"}, {"share-max-received", "7GiB"},
			{"oidc-issuer", "https://id.example"}, {"oidc-audience", "us"}, {"oidc-user-claim", "name"}, {"oidc-groups-claim", "groups"}, {"oidc-suffix", "id"}, {"client-cert-suffix", "crt"},
			{"oidc-client-id", "web"}, {"oidc-client-secret-file", "ROOT/secret"}, {"session-keys", "ROOT/session-keys"}, {"session-max-age", "18h"}, {"session-idle", "19m"},
			{"group", "editors=alice, Bob B.", "nobody=", "editors=carol"},
			{"connections", "1"}, {"requests-in-flight", "2"}, {"rate-per-client", "3/s"}, {"failed-logins", "4/m"}, {"header-size", "5KiB"},
			{"header-timeout", "6s"}, {"idle-timeout", "7s"}, {"minimum-rate", "8B/s"}, {"max-upload", "9MiB"}, {"max-upload-time", "10s"}, {"max-uploads", "11"}, {"archives", "12"}, {"archive-entries", "13"},
			{"trusted-proxies", "10.0.0.0/8"}, {"drain", "12s"}, {"landlock", "off"},
			{"mount-path", "/p"}, {"mount-host", "h.example"}, {"allow", "*.a", "*.b"}, {"deny", "d"}, {"allow-file", "ROOT/names"}, {"symlinks", "inside"}, {"hard-links", "serve"},
			{"list", "true"}, {"page", "full"}, {"page-title", "A title"}, {"page-logo", "ROOT/logo.svg"}, {"page-color", "#0b6e4f"}, {"no-index", "true"}, {"max-age", "13s"}, {"content", "untrusted"}, {"inline", "application/pdf, text/x-a"},
			{"precompressed", "true"}, {"write", "true"}, {"types", "image/*", "text/plain"},
			{"access", "anyone can read", "user:Bob B. can read,list two words/ **", "group:editors can write {user}/**", "claim:k=v can delete re:can .* can"},
		}},
		{"s3://bucket/src", `
links: {keys: ROOT/keys}
mounts: [{source: "s3://bucket/src", allow: ["*"], link_redirect: 14s, index: [i.html, i.htm], fallback: app/i.html, fallback_for: ["app/**", "*.x"], not_found: 404.html, cache: {dir: ROOT/cache, size: 15MiB, ttl: 16s, stale: 17s}}]
`, [][]string{
			{"link-keys", "ROOT/keys"}, {"allow", "*"}, {"link-redirect", "14s"},
			{"index", "i.html", "i.htm"}, {"fallback", "app/i.html"}, {"fallback-for", "app/**", "*.x"}, {"not-found", "404.html"},
			{"cache", "ROOT/cache"}, {"cache-size", "15MiB"}, {"cache-ttl", "16s"}, {"cache-stale", "17s"},
		}},
		{root + "/src", `
tls: {cert: ROOT/cert, key: ROOT/key, hsts: 180d}
mounts:
  - source: ROOT/src
    types: [image/*]
    uploads: {catalog: "sqlite:ROOT/c.db"}
    access: [{who: owner, can: [read, delete]}]
`, [][]string{
			{"tls-cert", "ROOT/cert"}, {"tls-key", "ROOT/key"}, {"hsts", "180d"}, {"uploads", "true"}, {"catalog", "sqlite:ROOT/c.db"}, {"types", "image/*"},
			{"access", "owner can read,delete"},
		}},
	} {
		given := []config.Given{{Key: config.SourceKey, Values: []string{c.source}, Origin: "SOURCE"}}
		for _, flag := range c.flags {
			used[flag[0]] = true
			for i := range flag {
				flag[i] = strings.Replace(flag[i], "ROOT", root, 1)
			}
			given = append(given, config.Given{Key: config.Flags[flag[0]], Values: flag[1:], Origin: "--" + flag[0]})
		}
		byFile, err := config.Parse("f", []byte(strings.ReplaceAll(c.file, "ROOT", root)))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := byFile.YAML()
		byFlags, err := config.New(given...)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := byFlags.YAML(); string(got) != string(want) {
			t.Errorf("by flags (-file +flags):\n%s", cmp.Diff(string(want), string(got)))
		}
		// Flags override a file with different values for every key.
		over, err := config.Parse("f", []byte(other), given...)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range given {
			key := strings.Replace(g.Key, "mounts[]", "mounts[0]", 1)
			if at := over.At(key); !strings.HasPrefix(at, g.Origin) && !strings.HasSuffix(key, "uploads") {
				t.Errorf("%s over a file: it came from %s", key, at)
			}
		}
	}
	for flag := range config.Flags {
		if !used[flag] {
			t.Errorf("--%s is not tested", flag)
		}
	}
}

// other is a file with a different value for everything that the flags set.
const other = `
listen: [":8", ":9", ":10"]
access_log: {file: log}
users: {htpasswd: h, tokens: t}
groups: {editors: [dave], staff: [erin]}
links: {keys: k}
limits: {connections: 9, failed_logins: 9/h}
trusted_proxies: [10.9.0.0/16, 10.8.0.0/16]
drain: 9s
mounts:
  - source: elsewhere
    max_age: 9s
    access: [{who: anyone, can: [read]}, {who: authenticated, can: [read, list]}]
`

// A given value replaces the whole key, and removes other keys for the same setting.
func TestGivenPutsAside(t *testing.T) {
	parse := func(file string, given ...config.Given) *config.Config {
		t.Helper()
		c, err := config.Parse("f", []byte(file), given...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	give := func(flag string, values ...string) config.Given {
		return config.Given{Key: config.Flags[flag], Values: values, Origin: "--" + flag}
	}
	c := parse("groups: {a: [x], b: [y]}\nmounts: [{source: s, allow: ['**'], access: [{who: anyone, can: [read]}, {who: 'group:a', can: [write]}]}]",
		give("access", "group:c can read"), give("group", "c=z"))
	if got := fmt.Sprint(c.Groups, c.Mounts[0].Access); got != "map[c:[z]] [{group:c [read] []}]" {
		t.Errorf("access and groups: %s", got)
	}
	// A rule of the file whose group is gone is an error.
	_, err := config.Parse("f", []byte("groups: {a: [x]}\nmounts: [{source: s, allow: ['**'], access: [{who: 'group:a', can: [write]}]}]"), give("group", "c=z"))
	if err == nil || err.Error() != "f:2: mounts[0].access[0].who: unknown group a (did you mean c?); add it to groups" {
		t.Errorf("missing group: %v", err)
	}
	one := config.Given{Key: config.SourceKey, Values: []string{"a"}, Origin: "SOURCE"}
	several := config.Given{Key: config.SourceKey, Values: []string{"a", "b"}, Origin: "SOURCE"}
	for _, from := range []string{"source: s", "sources: [s, t]"} {
		c = parse("mounts: [{"+from+", allow: ['**']}]", one)
		if got := fmt.Sprint(c.Mounts[0].Layers(), c.Mounts[0].LayerKey(0)); got != "[a]source" {
			t.Errorf("a SOURCE over %s: %s", from, got)
		}
		c = parse("mounts: [{"+from+", allow: ['**']}]", several)
		if got := fmt.Sprint(c.Mounts[0].Layers(), c.Mounts[0].LayerKey(1)); got != "[a b]sources[1]" {
			t.Errorf("several SOURCEs over %s: %s", from, got)
		}
	}
	c = parse("mounts: [{source: s, uploads: {catalog_file: /secret, types: [image/*]}}]", give("catalog", "sqlite:c.db"), give("types", "text/plain"))
	if got := fmt.Sprint(c.Mounts[0].Uploads.Catalog, c.Mounts[0].Uploads.CatalogFile, c.Mounts[0].TypesTaken()); got != "sqlite:c.db[text/plain]" {
		t.Errorf("uploads: %s", got)
	}
}

// An error about a rule or group quotes it, since its flag may be repeated.
func TestGivenRulesErrors(t *testing.T) {
	const form = "write WHO can WHAT NAME, such as "
	for _, c := range []struct{ flag, value, want string }{
		{"access", "", form},
		{"access", "anyone", form},
		{"access", "anyone read", form},
		{"access", "anyone can", form},
		{"access", "anyone can ", form},
		{"access", " can read", form},
		{"access", "anyone can read, list", form},
		{"access", "anyone can ,read", form},
		{"access", "anyone can read ", "it is empty; write a value"},
		{"access", "anyone can raed", "unknown operation raed; use"},
		{"access", "anybody can read", `unknown principal "anybody": write anyone, `},
		{"access", "user: can read", `"user:" has no name`},
		{"access", "group:editor can read", "unknown group editor (did you mean editors?); add it to groups (--group)"},
		{"access", "anyone can read [a", `bad pattern "[a"`},
		{"access", "user:a can read x{user}", "{user}"},
		{"access", "owner can read", "only uploads have an owner"},
		{"access", "anyone can upload", "this mount has no uploads"},
		{"access", "anyone can read a\tb", "it contains a control character"},
		{"group", "", "write NAME=MEMBER,MEMBER, such as "},
		{"group", "editors", "write NAME=MEMBER,MEMBER, such as "},
		{"group", "=alice", "write NAME=MEMBER,MEMBER, such as "},
		{"group", "editors=alice,", "it is empty; write a value"},
		{"group", "editors=alice,alice", "alice is listed twice"},
		{"group", "editors=bob", "bob is listed twice"},
	} {
		given := []config.Given{
			{Key: config.SourceKey, Values: []string{"mem:"}, Origin: "SOURCE"},
			{Key: config.Flags["allow"], Values: []string{"**"}, Origin: "--allow"},
			{Key: config.Flags["group"], Values: []string{"editors=bob"}, Origin: "--group"},
		}
		g := config.Given{Key: config.Flags[c.flag], Values: []string{c.value}, Origin: "BAILIWICK_X"}
		if c.flag == "group" {
			g.Values = []string{"editors=bob", c.value}
		}
		_, err := config.New(append(given, g)...)
		where := "BAILIWICK_X '" + strings.ReplaceAll(c.value, "\t", `\t`) + "': "
		if strings.Contains(c.value, "\t") {
			where = "BAILIWICK_X '\"anyone can read a\\tb\"': "
		}
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), where) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %s…%s", c.value, err, where, c.want)
		}
	}
}

// An error about a missing value names the flag for it. If two values exclude each
// other, the error names the flag, not the file.
func TestGivenNamesFlags(t *testing.T) {
	file := "mounts: [{source: s, allow: ['**']}]\n"
	for _, c := range []struct{ file, flag, value, want string }{
		{"", "acme-host", "a.example", "--acme-host: name a directory to store certificates in; without it each start would request new ones and soon hit the certificate authority's rate limit (--acme-cache)"},
		{"", "oidc-issuer", "https://id.example", "(--oidc-audience)"},
		{"", "oidc-audience", "us", "(--oidc-issuer)"},
		{"", "tls-cert", "c", "--tls-cert: cert is set without key; add the file of its key (--tls-key)"},
		{"", "tls-key", "k", "(--tls-cert)"},
		{"", "client-ca", "ca", "--client-ca: client certificates require TLS"},
		{"tls: {acme: {domains: [a.example], dir: d}}\n", "tls-cert", "c", "--tls-cert: cert and key are a certificate from files"},
		{"tls: {cert: c, key: k}\n", "acme-host", "a.example", "(--acme-cache)"},
	} {
		_, err := config.Parse("f", []byte(c.file+file), config.Given{Key: config.Flags[c.flag], Values: []string{c.value}, Origin: "--" + c.flag})
		if err == nil || !strings.HasPrefix(err.Error(), "--"+c.flag+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--%s: %v; want %s", c.flag, err, c.want)
		}
	}
}
