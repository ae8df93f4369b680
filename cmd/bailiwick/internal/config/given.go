package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Given is a value that a flag or a variable of the environment has, which goes
// before the file's.
type Given struct {
	Key    string   // as in Flags
	Values []string // one, but for a list
	Origin string   // the flag or variable, for messages
}

// Flags has the key that each flag of serve stands for. "mounts[]" is the one mount
// there is: in a file with several mounts, a flag cannot say which is meant.
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
	"client-ca":          "users.client_certificates.ca",
	"client-cert-suffix": "users.client_certificates.suffix",
	"group":              "groups",
	"link-keys":          "links.keys",
	"trusted-proxies":    "trusted_proxies",
	"connections":        "limits.connections",
	"requests-in-flight": "limits.requests_in_flight",
	"rate-per-client":    "limits.rate_per_client",
	"failed-logins":      "limits.failed_logins",
	"header-size":        "limits.header_size",
	"header-timeout":     "limits.header_timeout",
	"idle-timeout":       "limits.idle_timeout",
	"minimum-rate":       "limits.minimum_rate",
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
	"no-index":           "mounts[].no_index",
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
}

var number = regexp.MustCompile(`\[[0-9]+\]`)

// flagFor names the flag of key behind a message about something that came by flags or
// variables at a place; "" in a file, where the key says enough.
func flagFor(at place, key string) string {
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

// SourceKey is the key that the argument SOURCE of serve stands for.
const SourceKey = "mounts[].source"

// Secrets are the flags whose variable may also name, with _FILE at its end, a file
// that holds the value: BAILIWICK_CATALOG_FILE.
var Secrets = []string{"catalog"}

// overlay puts a given value into the tree, in the place of what is there.
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
			return // it is wrong in the file, which is told when it is read
		}
	}
}

// set gives a mapping the value of g.
func (d *decoder) set(mapping *yaml.Node, name string, g *Given) {
	d.putAside(mapping, g)
	var content []*yaml.Node
	kind, ok := yaml.SequenceNode, true
	switch t := typeOf(g.Key); {
	case g.Key == Flags["uploads"]:
		// The flag is a switch, the key what it switches on.
		if g.Values[len(g.Values)-1] == "true" {
			d.child(mapping, name, yaml.MappingNode, g)
		} else {
			remove(mapping, name)
		}
		return
	case g.Key == Flags["access"]:
		content, ok = d.rules(g)
	case g.Key == Flags["group"]:
		kind = yaml.MappingNode
		content, ok = d.groups(g)
	case t.Kind() == reflect.Slice:
		content = d.texts(g.items(t.Elem()), g.Origin)
	default:
		d.replace(mapping, name, g).Value = g.Values[len(g.Values)-1]
		return
	}
	// What could not be read leaves the file's value, which is not told of besides.
	if ok {
		value := d.replace(mapping, name, g)
		value.Kind, value.Content = kind, content
	}
}

// putAside removes what the file says in another key of that which g is about: flags go
// before the file, wherever that says it.
func (d *decoder) putAside(mapping *yaml.Node, g *Given) {
	switch g.Key {
	case Flags["catalog"]:
		remove(mapping, "catalog_file")
	case Flags["types"]:
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if mapping.Content[i].Value == "uploads" {
				remove(d.follow(mapping.Content[i+1]), "types")
			}
		}
	}
}

// texts returns a node for each of values, from origin.
func (d *decoder) texts(values []string, origin string) []*yaml.Node {
	var nodes []*yaml.Node
	for _, v := range values {
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
		d.given[n] = origin
		nodes = append(nodes, n)
	}
	return nodes
}

// items returns the values of a list. Media types may also stand side by side in one.
func (g *Given) items(of reflect.Type) []string {
	if of != reflect.TypeFor[MediaType]() {
		return g.Values
	}
	var items []string
	for _, value := range g.Values {
		for item := range strings.SplitSeq(value, ",") {
			items = append(items, strings.TrimSpace(item))
		}
	}
	return items
}

// typeOf returns the type of a key as it stands in Flags.
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

// child returns the value of a key, which it makes if there is none.
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

// replace returns a new value for a key, which it makes if there is none. What stands
// behind a second such key stays, and is an error.
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

// onlyItem returns the one item of a list, which it makes if there is none.
func (d *decoder) onlyItem(list *yaml.Node, g *Given) *yaml.Node {
	switch {
	case list.Kind != yaml.SequenceNode:
		return nil
	case len(list.Content) > 1:
		d.failAt(place{origin: g.Origin}, "", "the file has %d mounts, and this cannot say which is meant; write it in the file as %s",
			len(list.Content), g.Key[strings.LastIndex(g.Key, ".")+1:])
		return nil
	case len(list.Content) == 0:
		item := &yaml.Node{Kind: yaml.MappingNode}
		d.given[item] = g.Origin
		list.Content = append(list.Content, item)
	}
	return d.follow(list.Content[0])
}
