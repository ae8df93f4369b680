package config_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// beyond lists the errors that Parse finds and a schema cannot express, by a pattern of
// their messages. Both must refuse everything else.
var beyond = map[string]*regexp.Regexp{
	"two keys of one mount or listener": regexp.MustCompile(`is already served by the mount|are the same address; keep one|it must differ from the public address`),
	"overlapping sources":               regexp.MustCompile(`it contains the uploads|must not share files|no client can write here, so the content is trusted`),
	"places of caches":                  regexp.MustCompile(`a directory of its own|share a cache; |the source is in memory already`),
	"the meaning of a value":            regexp.MustCompile(`is not a host name; |is not an address; |no request can have the path |it must not end with a slash|bad pattern|unknown scheme|cannot open the source|the network of |is not a network|it matches every client|certificates are issued for names|can contain scripts|is not a media type|write https://|the password is masked|the rate is too high`),
	"the range of a value":              regexp.MustCompile(`it is too small for browsers; |it is too small to be of use; |nothing can be received in zero time|each connection would close at once|write a size |write whole seconds, from 1s to |write a number of days from |it is too long`),
	"the meaning of names in rules":     regexp.MustCompile(`\{user\}|unknown group `),
	"dependencies on distant keys":      regexp.MustCompile(`only S3 sources support redirects|signed links are not configured; |client certificates require TLS`),
	"control characters":                regexp.MustCompile(`it contains a control character`),
	"duplicates in another letter case": regexp.MustCompile(`is listed twice; keep one`),
}

// Parse and the schema refuse each mistake on its own, except for those in beyond.
func TestSchemaRefusesWhatCheckDoes(t *testing.T) {
	mount := func(keys string) string { return "mounts: [{source: a, " + keys + "}]" }
	open := `mounts: [{source: a, allow: ["**"]}]` + "\n"
	for _, text := range []string{
		mount(`allow: []`), mount(`allow_file: []`), mount(`deny: ["x"]`), "mounts: []", "{}", "listen: []\n" + open, "hosts: []\n" + open,
		mount(`allow: ["**"], access: []`), mount(`allow: ["**"], access: [{who: everyone, can: [read]}]`), mount(`allow: ["**"], access: [{who: "user:", can: [read]}]`),
		mount(`allow: ["**"], access: [{who: "claim:x", can: [read]}]`), mount(`allow: ["**"], access: [{who: "claim:=x", can: [read]}]`), mount(`allow: ["**"], access: [{who: Anyone, can: [read]}]`),
		mount(`allow: ["**"], access: [{who: anyone, can: []}]`), mount(`allow: ["**"], access: [{who: anyone, can: [reed]}]`), mount(`allow: ["**"], access: [{who: anyone}]`),
		mount(`allow: ["**"], access: [{can: [read]}]`), mount(`allow: ["**"], access: [{who: anyone, can: [read], names: []}]`),
		mount(`allow: ["**"], access: [{who: owner, can: [read]}]`), mount(`allow: ["**"], access: [{who: anyone, can: [upload]}]`),
		mount(`allow: ["**"], types: [image/*]`), mount(`allow: ["**"], write: false, types: [image/*]`), mount(`allow: ["**"], write: true, types: []`),
		mount(`allow: ["**"], content: trusted, inline: [application/pdf]`), mount(`allow: ["**"], content: mine`), mount(`allow: ["**"], symlinks: follow`),
		`mounts: [{source: "s3://bucket/a", allow: ["**"], precompressed: true}]`, `mounts: [{sources: [a, "s3://bucket/a"], allow: ["**"], precompressed: true}]`,
		`mounts: [{allow: ["**"]}]`, `mounts: [{sources: [], allow: ["**"]}]`, `mounts: [{source: a, sources: [b], allow: ["**"]}]`, `mounts: [{sources: [a], uploads: {catalog: "sqlite:c"}}]`,
		mount(`uploads: {}`), mount(`uploads: {catalog: "sqlite:c", catalog_file: f}`), mount(`uploads: {catalog: "mysql:c"}`), mount(`uploads: {catalog: "sqlite:c", types: []}`),
		mount(`uploads: {catalog: "sqlite:c"}, allow: ["**"]`), mount(`uploads: {catalog: "sqlite:c"}, deny: ["x"]`), mount(`uploads: {catalog: "sqlite:c"}, allow_file: f`),
		mount(`uploads: {catalog: "sqlite:c"}, write: true`), mount(`uploads: {catalog: "sqlite:c"}, list: true`), mount(`uploads: {catalog: "sqlite:c"}, precompressed: true`),
		mount(`uploads: {catalog: "sqlite:c"}, symlinks: inside`), mount(`uploads: {catalog: "sqlite:c"}, content: trusted`),
		"groups: {a: [x, x]}\n" + open, "tls: {}\n" + open, "tls: {cert: c}\n" + open, "tls: {cert: c, key: k, hsts: 180}\n" + open, "tls: {cert: c, key: k, hsts: 0d}\n" + open,
		"limits: {uploads: 0}\n" + open, "limits: {connections: -1}\n" + open, "landlock: maybe\n" + open, "drain: 1d\n" + open, "nosuch: 1\n" + open,
	} {
		if _, err := config.Parse("f", []byte(text)); err == nil {
			t.Errorf("Parse accepts %s", text)
		}
		if againstSchema(t, []byte(text)) == "" {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

// values lists valid and invalid values for each key, a valid one first.
var values = map[string][]string{
	"listen": {`[":1"]`, `[]`, `["127.0.0.1:80", "localhost:80"]`, `[x]`}, "hosts": {`[a.example]`, `[]`, `["a:1"]`}, "admin": {`127.0.0.1:9`, `":1"`, `x`},
	"access_log": {`{file: "off"}`, `{}`, `{file: ""}`}, "drain": {`1s`, `0s`, `1d`, `1`}, "landlock": {`auto`, `"off"`, `on`},
	"groups": {`{a: [x, y]}`, `{a: []}`, `{a: [x, x]}`, `[a]`}, "links": {`{keys: k}`, `{}`}, "trusted_proxies": {`[10.0.0.0/8]`, `[unix]`, `[10.0.0.1/8]`, `[x]`},
	"limits": {`{uploads: 1}`, `{uploads: 0}`, `{upload: 0B}`, `{upload: 1MiB}`, `{header_timeout: 0s}`, `{rate_per_client: 5/s}`, `{rate_per_client: 5}`, `{minimum_rate: "off"}`},
	"tls":    {`{cert: c, key: k}`, `{cert: c}`, `{acme: {domains: [a.example], dir: d}}`, `{acme: {domains: [a.example, A.example], dir: d}}`, `{cert: c, key: k, hsts: 180d}`, `{cert: c, key: k, hsts: 5000d}`},
	"users":  {`{htpasswd: u}`, `{client_certificates: {ca: c}}`, `{oidc: {issuer: "https://id.example", audience: x}}`, `{oidc: {}}`},
}

var mountValues = map[string][]string{
	"path": {`/`, `/a`, `/a/`, `a`, `/a/../b`}, "host": {`h.example`, `"h:1"`}, "source": {`a`, `"mem:"`, `"s3://bucket/x"`, `"ftp://x"`, `a/b`},
	"allow": {`["**"]`, `[]`, `["[a"]`, `"**"`}, "deny": {`[x]`, `[]`}, "allow_file": {`f`, `[f]`, `[]`}, "symlinks": {`inside`, `refuse`, `follow`}, "hard_links": {`serve`, `refuse`, `follow`},
	"sources": {`[a, "s3://bucket/x"]`, `[b]`, `[]`, `a`, `["ftp://x"]`, `["mem:", a]`, `[a, a]`, `[a, a/b]`},
	"list":    {`true`, `false`, `yes`}, "no_index": {`true`}, "max_age": {`5m`, `5`}, "link_redirect": {`1m`, `0s`, `2h`}, "content": {`trusted`, `untrusted`, `x`},
	"inline": {`[application/pdf]`, `[]`, `[text/html]`, `[pdf]`}, "precompressed": {`true`, `false`}, "write": {`true`, `false`}, "types": {`[image/*]`, `[]`},
	"uploads": {`{catalog: "sqlite:c"}`, `{catalog_file: f}`, `{}`, `{catalog: "sqlite:c", types: [image/*]}`},
	"access": {
		`[{who: anyone, can: [read]}]`, `[]`, `[{who: everyone, can: [read]}]`, `[{who: "group:a", can: [read]}]`, `[{who: owner, can: [read]}]`, `[{who: anyone, can: [upload]}]`,
		`[{who: authenticated, can: [read], names: ["{user}/**"]}]`, `[{who: authenticated, can: [read], names: ["x{user}"]}]`, `[{who: anyone, can: []}]`, `[{who: "claim:a=b", can: [list]}]`,
	},
}

// one picks a value for a key, usually the valid one: with many mistakes in each file,
// combinations of keys would never be tested.
func one(r *rand.Rand, values []string) string {
	if r.IntN(4) > 0 {
		return values[0]
	}
	return values[r.IntN(len(values))]
}

// On random files, the schema accepts everything that Parse accepts, and only errors in
// beyond are found by Parse alone.
func TestSchemaAgreesWithCheck(t *testing.T) {
	files := 2000
	if os.Getenv("BAILIWICK_LONG") == "1" {
		files = 100_000
	}
	r := rand.New(rand.NewPCG(10, 34))
	good, alone := 0, map[string]int{}
	for range files {
		var text strings.Builder
		for _, key := range sortedKeys(values) {
			if r.IntN(6) == 0 {
				fmt.Fprintf(&text, "%s: %s\n", key, one(r, values[key]))
			}
		}
		text.WriteString("mounts:\n")
		for i := range 1 + r.IntN(2) {
			from := "source"
			if r.IntN(4) == 0 {
				from = "sources"
			}
			fmt.Fprintf(&text, "- %s: %s\n", from, one(r, mountValues[from]))
			if i > 0 {
				text.WriteString("  path: /b\n")
			}
			uploads := r.IntN(3) == 0
			for _, key := range sortedKeys(mountValues) {
				often := key == "allow" && !uploads || key == "uploads" && uploads
				switch {
				case key == from, key == "source", key == "sources" && r.IntN(20) > 0, key == "path" && i > 0, key == "uploads" && !uploads && r.IntN(20) > 0:
				case often && r.IntN(20) > 0, r.IntN(9) == 0:
					fmt.Fprintf(&text, "  %s: %s\n", key, one(r, mountValues[key]))
				}
			}
		}
		_, err := config.Parse("f", []byte(text.String()))
		schema := againstSchema(t, []byte(text.String()))
		switch {
		case err == nil && schema != "":
			t.Fatalf("Parse accepts what the schema refuses: %s\n%s", schema, &text)
		case err == nil:
			good++
		case schema == "":
			for line := range strings.Lines(err.Error()) {
				why := ""
				for name, re := range beyond {
					if re.MatchString(line) {
						why = name
					}
				}
				if alone[why]++; why == "" {
					t.Fatalf("the schema accepts what Parse refuses: %s\n%s", line, &text)
				}
			}
		}
	}
	t.Logf("%d of %d files are valid; refused by Parse alone: %v", good, files, alone)
	if good < files/20 || len(alone) < 4 {
		t.Errorf("%d of %d files are valid, and %v are beyond the schema: too few for a comparison", good, files, alone)
	}
}

func sortedKeys(m map[string][]string) []string { return slices.Sorted(maps.Keys(m)) }
