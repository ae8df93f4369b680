package config

import (
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
	"admin":              "admin",
	"access-log":         "access_log.file",
	"drain":              "drain",
	"landlock":           "landlock",
	"tls-cert":           "tls.cert",
	"tls-key":            "tls.key",
	"htpasswd":           "users.htpasswd",
	"tokens":             "users.tokens",
	"link-keys":          "links.keys",
	"trusted-proxies":    "trusted_proxies",
	"connections":        "limits.connections",
	"requests-in-flight": "limits.requests_in_flight",
	"rate-per-client":    "limits.rate_per_client",
	"minimum-rate":       "limits.minimum_rate",
	"max-upload":         "limits.upload",
	"max-upload-time":    "limits.upload_time",
	"max-uploads":        "limits.uploads",
	"allow":              "mounts[].allow",
	"deny":               "mounts[].deny",
	"allow-file":         "mounts[].allow_file",
	"symlinks":           "mounts[].symlinks",
	"list":               "mounts[].list",
	"no-index":           "mounts[].no_index",
	"max-age":            "mounts[].max_age",
	"content":            "mounts[].content",
	"precompressed":      "mounts[].precompressed",
	"write":              "mounts[].write",
	"uploads":            "mounts[].uploads",
	"catalog":            "mounts[].uploads.catalog",
	"types":              "mounts[].types",
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
	if g.Key == Flags["uploads"] {
		// The flag is a switch, the key what it switches on.
		if g.Values[len(g.Values)-1] == "true" {
			d.child(mapping, name, yaml.MappingNode, g)
		} else {
			remove(mapping, name)
		}
		return
	}
	value := d.replace(mapping, name, g)
	if !isListKey(g.Key) {
		value.Value = g.Values[len(g.Values)-1]
		return
	}
	value.Kind = yaml.SequenceNode
	for _, v := range g.items() {
		item := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
		d.given[item] = g.Origin
		value.Content = append(value.Content, item)
	}
}

// items returns the values of a list. Media types may also stand side by side in one.
func (g *Given) items() []string {
	if g.Key != Flags["types"] {
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

func isListKey(key string) bool {
	switch key[strings.LastIndex(key, ".")+1:] {
	case "listen", "allow", "deny", "allow_file", "types", "trusted_proxies":
		return true
	}
	return false
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
