package config

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A setter puts the values of g into a mapping as the value of the key name.
type setter func(d *decoder, mapping *yaml.Node, name string, g *Given)

// setters are those of keys whose flag is written in another way than the key in a file, or
// overrides other keys as well.
var setters = map[string]setter{
	SourceKey:        (*decoder).setSource,
	Flags["uploads"]: (*decoder).setUploads,
	Flags["catalog"]: (*decoder).setCatalog,
	Flags["shares"]:  (*decoder).setCatalog,

	Flags["catalog"] + FileSuffix: (*decoder).setCatalogFile,
	Flags["shares"] + FileSuffix:  (*decoder).setCatalogFile,

	Flags["inline"]: (*decoder).setMediaTypes,
	Flags["types"]:  (*decoder).setTypes,
	Flags["access"]: (*decoder).setAccess,
	Flags["group"]:  (*decoder).setGroups,
}

// set sets the key of g in a mapping.
func (d *decoder) set(mapping *yaml.Node, name string, g *Given) {
	if set := setters[g.Key]; set != nil {
		set(d, mapping, name, g)
		return
	}
	if typeOf(g.Key).Kind() == reflect.Slice {
		d.setNode(mapping, name, g, yaml.SequenceNode, d.texts(g.Values, g.Origin))
		return
	}
	d.setScalar(mapping, name, g)
}

// setScalar sets the last value; the others were overridden.
func (d *decoder) setScalar(mapping *yaml.Node, name string, g *Given) {
	d.replace(mapping, name, g).Value = g.last()
}

func (d *decoder) setNode(mapping *yaml.Node, name string, g *Given, kind yaml.Kind, content []*yaml.Node) {
	value := d.replace(mapping, name, g)
	value.Kind, value.Content = kind, content
}

// setSource overrides both the key for one source and that for several.
func (d *decoder) setSource(mapping *yaml.Node, name string, g *Given) {
	const several = "sources"
	if len(g.Values) == 1 {
		remove(mapping, several)
		d.setScalar(mapping, name, g)
		return
	}
	remove(mapping, name)
	d.setNode(mapping, several, g, yaml.SequenceNode, d.texts(g.Values, g.Origin))
}

// setUploads adds or removes the key: the flag is a switch.
func (d *decoder) setUploads(mapping *yaml.Node, name string, g *Given) {
	if g.last() == "true" {
		d.child(mapping, name, yaml.MappingNode, g)
	} else {
		remove(mapping, name)
	}
}

// setCatalog also overrides the key for the same in a file.
func (d *decoder) setCatalog(mapping *yaml.Node, name string, g *Given) {
	remove(mapping, name+FileSuffix)
	d.setScalar(mapping, name, g)
}

// setCatalogFile is setCatalog for the key for the file.
func (d *decoder) setCatalogFile(mapping *yaml.Node, name string, g *Given) {
	remove(mapping, strings.TrimSuffix(name, FileSuffix))
	d.setScalar(mapping, name, g)
}

// setMediaTypes sets a list of which one value of the flag may hold several items.
func (d *decoder) setMediaTypes(mapping *yaml.Node, name string, g *Given) {
	var types []string
	for _, value := range g.Values {
		for item := range strings.SplitSeq(value, ",") {
			types = append(types, strings.TrimSpace(item))
		}
	}
	d.setNode(mapping, name, g, yaml.SequenceNode, d.texts(types, g.Origin))
}

// setTypes also overrides the types of uploads.
func (d *decoder) setTypes(mapping *yaml.Node, name string, g *Given) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == "uploads" {
			remove(d.follow(mapping.Content[i+1]), "types")
		}
	}
	d.setMediaTypes(mapping, name, g)
}

// setAccess parses the values as rules. If one cannot be parsed, it keeps the file's value:
// one error is enough.
func (d *decoder) setAccess(mapping *yaml.Node, name string, g *Given) {
	if rules, ok := d.rules(g); ok {
		d.setNode(mapping, name, g, yaml.SequenceNode, rules)
	}
}

// setGroups is setAccess for groups.
func (d *decoder) setGroups(mapping *yaml.Node, name string, g *Given) {
	if groups, ok := d.groups(g); ok {
		d.setNode(mapping, name, g, yaml.MappingNode, groups)
	}
}

// last returns the value of a flag that holds one.
func (g *Given) last() string { return g.Values[len(g.Values)-1] }
