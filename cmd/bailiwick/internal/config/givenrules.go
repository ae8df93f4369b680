package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rules returns the items of an access list: each value of g is one rule, written as
// explain prints it, "WHO can WHAT NAME". WHO and NAME may hold spaces. What is wrong
// with a part is found by whoever reads the list, as in a file.
func (d *decoder) rules(g *Given) ([]*yaml.Node, bool) {
	var items []*yaml.Node
	good := true
	for _, value := range g.Values {
		// With several rules, the flag alone would not say which one is meant.
		origin := g.Origin + " '" + printable(value) + "'"
		who, rest, isRule := strings.Cut(value, " can ")
		can, name, isNamed := strings.Cut(rest, " ")
		ops := strings.Split(can, ",")
		if !isRule || who == "" || slices.Contains(ops, "") {
			d.failAt(place{origin: origin}, g.Key, "write WHO can WHAT NAME, such as 'group:editors can read,list docs/**'; only WHO and NAME may hold spaces, and without NAME all names are meant")
			good = false
			continue
		}
		if wrong := notOneName(can, name); isNamed && wrong != "" {
			d.failAt(place{origin: origin}, g.Key, "%s", wrong)
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
		// An empty name is an error further on, and not all names: a script's variable
		// that is empty must not widen a rule.
		if isNamed {
			add("names", &yaml.Node{Kind: yaml.SequenceNode, Content: d.texts([]string{name}, origin)})
		}
		items = append(items, item)
	}
	return items, good
}

// notOneName says what is wrong with the end of a rule that was meant for another
// operation, or for several patterns; "" if it may be one. As a pattern it would be good,
// and match nothing that there is.
func notOneName(can, name string) string {
	word, _, _ := strings.Cut(name, " ")
	_, noOp := parseOp(word)
	switch {
	case noOp == nil:
		return fmt.Sprintf("write %s,%s with a comma and no space; for an object of that name, [%s]%s", can, word, word[:1], word[1:])
	case strings.Contains(name, "** "):
		return "NAME is one pattern; write a rule for each"
	}
	return ""
}

// groups returns the keys and values of a table of groups: each value of g is
// "NAME=MEMBER,MEMBER". Those with the same name are one group.
func (d *decoder) groups(g *Given) ([]*yaml.Node, bool) {
	table := &yaml.Node{Kind: yaml.MappingNode}
	good := true
	for _, value := range g.Values {
		own := Given{Origin: g.Origin + " '" + printable(value) + "'"}
		name, members, isGroup := strings.Cut(value, "=")
		if !isGroup || name == "" {
			d.failAt(place{origin: own.Origin}, g.Key, "write NAME=MEMBER,MEMBER, such as editors=alice,bob")
			good = false
			continue
		}
		list := d.child(table, name, yaml.SequenceNode, &own)
		if members == "" {
			continue // a group of nobody, as editors: [] in a file
		}
		for member := range strings.SplitSeq(members, ",") {
			list.Content = append(list.Content, d.texts([]string{strings.TrimSpace(member)}, own.Origin)...)
		}
	}
	return table.Content, good
}
