package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rules parses each value of g as an access rule in explain's notation, "WHO can WHAT
// NAME", and returns the items of the list. WHO and NAME may contain spaces. Decoding
// reports invalid parts, as it does for a file.
func (d *decoder) rules(g *Given) ([]*yaml.Node, bool) {
	var items []*yaml.Node
	good := true
	for _, value := range g.Values {
		// With several rules, the flag alone would not identify one.
		origin := g.Origin + " '" + printable(value) + "'"
		who, rest, isRule := strings.Cut(value, " can ")
		can, name, isNamed := strings.Cut(rest, " ")
		ops := strings.Split(can, ",")
		if !isRule || who == "" || slices.Contains(ops, "") {
			d.failAt(position{origin: origin}, g.Key, "write WHO can WHAT NAME, such as 'group:editors can read,list docs/**'; only WHO and NAME may contain spaces; without NAME, the rule applies to all names")
			good = false
			continue
		}
		if wrong := notOneName(can, name); isNamed && wrong != "" {
			d.failAt(position{origin: origin}, g.Key, "%s", wrong)
			good = false
			continue
		}
		item := &yaml.Node{Kind: yaml.MappingNode}
		d.given[item] = origin
		add := func(key string, value *yaml.Node) {
			d.given[value] = origin
			item.Content = append(item.Content, append(d.texts([]string{key}, origin), value)...)
		}
		add("who", &yaml.Node{Kind: yaml.ScalarNode, Value: who})
		add("can", &yaml.Node{Kind: yaml.SequenceNode, Content: d.texts(ops, origin)})
		// Keep an empty NAME, which is an error later, instead of matching all names: an
		// empty variable in a script must not widen a rule.
		if isNamed {
			add("names", &yaml.Node{Kind: yaml.SequenceNode, Content: d.texts([]string{name}, origin)})
		}
		items = append(items, item)
	}
	return items, good
}

// notOneName explains why the end of a rule is not one name but probably another
// operation or several patterns; "" if it may be one name. It would be a valid pattern
// that matches nothing.
func notOneName(can, name string) string {
	word, _, _ := strings.Cut(name, " ")
	_, noOp := parseOp(word)
	switch {
	case noOp == nil:
		return fmt.Sprintf("write %s,%s with a comma and no space; to match an object of that name, write [%s]%s", can, word, word[:1], word[1:])
	case strings.Contains(name, "** "):
		return "NAME is one pattern; write a rule for each"
	}
	return ""
}

// groups parses each value of g as "NAME=MEMBER,MEMBER" and returns the keys and values
// of a table. Values with the same NAME are merged into one group.
func (d *decoder) groups(g *Given) ([]*yaml.Node, bool) {
	table := &yaml.Node{Kind: yaml.MappingNode}
	good := true
	for _, value := range g.Values {
		own := Given{Origin: g.Origin + " '" + printable(value) + "'"}
		name, members, isGroup := strings.Cut(value, "=")
		if !isGroup || name == "" {
			d.failAt(position{origin: own.Origin}, g.Key, "write NAME=MEMBER,MEMBER, such as editors=alice,bob")
			good = false
			continue
		}
		list := d.child(table, name, yaml.SequenceNode, &own)
		if members == "" {
			continue // an empty group, like editors: [] in a file
		}
		for member := range strings.SplitSeq(members, ",") {
			list.Content = append(list.Content, d.texts([]string{strings.TrimSpace(member)}, own.Origin)...)
		}
	}
	return table.Content, good
}
