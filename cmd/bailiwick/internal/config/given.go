package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Given is a value from a flag or an environment variable. It overrides the file's
// value.
type Given struct {
	Key    string   // a value of Flags, for one of Secrets with FileSuffix if the value is a file
	Values []string // one value, or more for a list
	Origin string   // the flag or variable, for messages
}

// Flags maps each flag of serve to its key. "mounts[]" is the only mount: if a file has
// several mounts, a flag cannot select one.
var Flags = map[string]string{
	"listen":             "listen",
	"host":               "hosts",
	"admin":              "admin",
	"access-log":         "access_log.file",
	"drain":              "drain",
	"landlock":           "landlock",
	"tls-cert":           "tls.cert",
	"tls-key":            "tls.key",
	"acme-host":          "tls.acme.domains",
	"acme-cache":         "tls.acme.dir",
	"acme-email":         "tls.acme.email",
	"acme-directory":     "tls.acme.directory",
	"hsts":               "tls.hsts",
	"htpasswd":           "users.htpasswd",
	"tokens":             "users.tokens",
	"oidc-issuer":        "users.oidc.issuer",
	"oidc-audience":      "users.oidc.audience",
	"oidc-user-claim":    "users.oidc.user_claim",
	"oidc-groups-claim":  "users.oidc.groups_claim",
	"oidc-suffix":        "users.oidc.suffix",
	"oidc-client-id":     "users.oidc.client_id",
	"session-keys":       "users.sessions.keys",
	"session-max-age":    "users.sessions.max_age",
	"session-idle":       "users.sessions.idle",
	"client-ca":          "users.client_certificates.ca",
	"client-cert-suffix": "users.client_certificates.suffix",
	"group":              "groups",
	"link-keys":          "links.keys",
	"shares":             "shares.catalog",
	"share-max-age":      "shares.max_age",
	"share-max-received": "shares.max_received",
	"trusted-proxies":    "trusted_proxies",
	"connections":        "limits.connections",
	"requests-in-flight": "limits.requests_in_flight",
	"rate-per-client":    "limits.rate_per_client",
	"failed-logins":      "limits.failed_logins",
	"header-size":        "limits.header_size",
	"header-timeout":     "limits.header_timeout",
	"idle-timeout":       "limits.idle_timeout",
	"minimum-rate":       "limits.minimum_rate",
	"archives":           "limits.archives",
	"archive-entries":    "limits.archive_entries",
	"max-upload":         "limits.upload",
	"max-upload-time":    "limits.upload_time",
	"max-uploads":        "limits.uploads",
	"mount-path":         "mounts[].path",
	"mount-host":         "mounts[].host",
	"allow":              "mounts[].allow",
	"deny":               "mounts[].deny",
	"allow-file":         "mounts[].allow_file",
	"symlinks":           "mounts[].symlinks",
	"hard-links":         "mounts[].hard_links",
	"list":               "mounts[].list",
	"page":               "mounts[].page",
	"page-title":         "mounts[].page_title",
	"page-logo":          "mounts[].page_logo",
	"page-color":         "mounts[].page_color",
	"index":              "mounts[].index",
	"no-index":           "mounts[].no_index",
	"fallback":           "mounts[].fallback",
	"fallback-for":       "mounts[].fallback_for",
	"not-found":          "mounts[].not_found",
	"max-age":            "mounts[].max_age",
	"link-redirect":      "mounts[].link_redirect",
	"content":            "mounts[].content",
	"inline":             "mounts[].inline",
	"precompressed":      "mounts[].precompressed",
	"write":              "mounts[].write",
	"uploads":            "mounts[].uploads",
	"catalog":            "mounts[].uploads.catalog",
	"types":              "mounts[].types",
	"access":             "mounts[].access",
	"cache":              "mounts[].cache.dir",
	"cache-size":         "mounts[].cache.size",
	"cache-ttl":          "mounts[].cache.ttl",
	"cache-stale":        "mounts[].cache.stale",

	"oidc-client-secret-file": "users.oidc.client_secret_file",
}

var number = regexp.MustCompile(`\[[0-9]+\]`)

// flagFor returns the flag for key in parentheses, as an addition to an error about a
// value that came from a flag or variable; "" if it came from a file, where the key is
// enough.
func flagFor(at position, key string) string {
	if at.origin == "" {
		return ""
	}
	key = number.ReplaceAllString(key, "[]")
	for flag, of := range Flags {
		if of == key {
			return " (--" + flag + ")"
		}
	}
	return ""
}

// SourceKey is the key that serve's argument SOURCE sets. With several values, they are
// those of sources.
const SourceKey = "mounts[].source"

// Secrets lists the flags whose value can also be read from a file: the variable with
// the suffix _FILE, such as BAILIWICK_CATALOG_FILE, names it.
var Secrets = []string{"catalog", "shares"}

// FileSuffix ends the key for the file of one of Secrets, such as catalog_file.
const FileSuffix = "_file"

// overlay puts a given value into the tree, replacing any value that is there.
func (d *decoder) overlay(root *yaml.Node, g *Given) {
	if root.Kind != yaml.MappingNode {
		return
	}
	at := root
	elements := strings.Split(g.Key, ".")
	for i, element := range elements {
		name, isList := strings.CutSuffix(element, "[]")
		switch {
		case isList:
			if at = d.onlyItem(d.child(at, name, yaml.SequenceNode, g), g); at == nil {
				return
			}
		case i < len(elements)-1:
			at = d.child(at, name, yaml.MappingNode, g)
		default:
			d.set(at, name, g)
		}
		if at.Kind != yaml.MappingNode {
			return // the file is wrong here; decoding reports it
		}
	}
}

// texts returns a node for each value, with the given origin.
func (d *decoder) texts(values []string, origin string) []*yaml.Node {
	var nodes []*yaml.Node
	for _, v := range values {
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
		d.given[n] = origin
		nodes = append(nodes, n)
	}
	return nodes
}

// typeOf returns the type of a key in the notation of Flags.
func typeOf(key string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for element := range strings.SplitSeq(key, ".") {
		name, isList := strings.CutSuffix(element, "[]")
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		fields := fieldsOf(t)
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == name })
		if i < 0 {
			panic("there is no key " + key)
		}
		if t = t.Field(fields[i].index).Type; isList {
			t = t.Elem()
		}
	}
	return t
}

// child returns the value of a key, and adds the key if it is missing.
func (d *decoder) child(mapping *yaml.Node, name string, kind yaml.Kind, g *Given) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return d.follow(mapping.Content[i+1])
		}
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: name}
	value := &yaml.Node{Kind: kind}
	d.given[key], d.given[value] = g.Origin, g.Origin
	mapping.Content = append(mapping.Content, key, value)
	return value
}

// replace sets a key to a new value, which it returns, and adds the key if it is
// missing. A duplicate of the key stays, so that decoding reports it.
func (d *decoder) replace(mapping *yaml.Node, name string, g *Given) *yaml.Node {
	value := &yaml.Node{Kind: yaml.ScalarNode}
	d.given[value] = g.Origin
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			mapping.Content[i+1] = value
			return value
		}
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: name}
	d.given[key] = g.Origin
	mapping.Content = append(mapping.Content, key, value)
	return value
}

func remove(mapping *yaml.Node, name string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			mapping.Content = append(mapping.Content[:i:i], mapping.Content[i+2:]...)
			return
		}
	}
}

// onlyItem returns the only item of a list, and adds it if the list is empty.
func (d *decoder) onlyItem(list *yaml.Node, g *Given) *yaml.Node {
	switch {
	case list.Kind != yaml.SequenceNode:
		return nil
	case len(list.Content) > 1:
		d.failAt(position{origin: g.Origin}, "", "the file has %d mounts, and this cannot select one; set %s in the file instead",
			len(list.Content), g.Key[strings.LastIndex(g.Key, ".")+1:])
		return nil
	case len(list.Content) == 0:
		item := &yaml.Node{Kind: yaml.MappingNode}
		d.given[item] = g.Origin
		list.Content = append(list.Content, item)
	}
	return d.follow(list.Content[0])
}
