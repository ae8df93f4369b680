package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A field describes a key of a mapping, from the struct field's tags.
type field struct {
	index    int
	key      string
	fallback string   // the value of an omitted key
	words    []string // the accepted words, any text if nil
	required string   // advice if the key is missing, "" if it is optional
	nonempty string   // advice if the list is empty
	single   bool     // accepts one item without a list
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key := tag.Get("yaml")
		if key == "" {
			continue
		}
		f := field{index: i, key: key, fallback: tag.Get("default"), required: tag.Get("required"), nonempty: tag.Get("nonempty"), single: tag.Get("single") != ""}
		if words := tag.Get("oneof"); words != "" {
			f.words = strings.Split(words, "|")
		}
		fields = append(fields, f)
	}
	return fields
}

// maxAliased limits how many values aliases may expand to. With nested lists of aliases,
// a small file could expand to billions of values.
const maxAliased = 10_000

// A decoder fills structs from nodes. It continues after an error to report all of them.
type decoder struct {
	file      string
	dir       string                // the file's directory, "" without a file
	given     map[*yaml.Node]string // the origin of nodes that are not from the file
	begin     map[*yaml.Node]int    // the line of a mapping's or list's key, used instead of its own
	positions map[string]position
	errs      []located
	bad       map[string]bool // the keys that have errors
	depth     int             // the nesting of aliases being expanded
	brought   int             // how many values aliases expanded to so far
}

// A located error can be sorted by its position in the file.
type located struct {
	at   position
	text string
}

func (d *decoder) positionOf(n *yaml.Node) position {
	line := n.Line
	if d.begin[n] > 0 {
		line = d.begin[n]
	}
	return position{file: d.file, line: max(line, 1), origin: d.given[n]}
}

// maxErrors limits how many errors are reported at once.
const maxErrors = 100

func (d *decoder) full() bool { return len(d.errs) >= maxErrors }

// fail records an error about the value of key.
func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) {
	d.failAt(d.positionOf(n), key, format, args...)
}

func (d *decoder) failAt(at position, key, format string, args ...any) {
	if d.full() {
		return
	}
	d.bad[key] = true
	if at.origin != "" {
		key = "" // the flag already identifies the value
	}
	text := fmt.Sprintf(format, args...)
	if key != "" {
		text = printable(key) + ": " + text
	}
	e := located{at, oneLine(text)}
	if !slices.Contains(d.errs, e) {
		d.errs = append(d.errs, e)
	}
}

// errors returns the recorded errors in file order, nil if there are none.
func (d *decoder) errors() error {
	if len(d.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(d.errs, func(a, b located) int { return a.at.line - b.at.line })
	all := make(Errors, len(d.errs))
	for i, e := range d.errs {
		all[i] = &Error{e.at.String(), e.text}
	}
	return all
}

// follow resolves an alias to its target.
func (d *decoder) follow(n *yaml.Node) *yaml.Node {
	for range maxAliased {
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return n
}

// value decodes n into v. If it cannot, it records an error and returns false.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string, f *field) bool {
	if n.Kind == yaml.AliasNode {
		d.depth++
		defer func() { d.depth-- }()
		n = d.follow(n)
	}
	if d.depth > 0 {
		if d.brought += 1 + len(n.Content); d.brought > maxAliased {
			d.fail(n, "", "the aliases (*NAME) in the file expand to more than %d values; write them out", maxAliased)
			return false
		}
	}
	d.positions[key] = d.positionOf(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Style&quoted == 0 && d.given[n] == "" {
		d.fail(n, key, "it has no value; write one, or leave the key out")
		return false
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if _, ok := scalars[v.Type()]; ok {
		return d.scalar(n, v, key, f)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.mapping(n, v, key)
	case reflect.Slice:
		return d.list(n, v, key, f)
	case reflect.Map:
		return d.table(n, v, key)
	}
	return d.scalar(n, v, key, f)
}

// mapping decodes a mapping into a struct.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string) bool {
	fields := fieldsOf(v.Type())
	if n.Kind != yaml.MappingNode {
		d.fail(n, key, "it is %s; write keys and values below it, such as %s: …", kindOf(n), fields[0].key)
		return false
	}
	good := true
	entries, ok := d.entries(n, key, fields)
	good = good && ok
	for i := range fields {
		f := &fields[i]
		at := v.Field(f.index)
		switch node := entries[f.key]; {
		case node != nil:
			good = d.value(node, at, join(key, f.key), f) && good
		case f.required != "":
			at := d.positionOf(n)
			d.failAt(at, join(key, f.key), "%s%s", f.required, flagFor(at, join(key, f.key)))
			good = false
		default:
			d.fallBack(at, f, join(key, f.key))
		}
	}
	return good
}

// fallBack sets an omitted field, and the fields below it, to their defaults.
func (d *decoder) fallBack(v reflect.Value, f *field, key string) {
	if v.Kind() == reflect.Struct && f.fallback == "" {
		if _, ok := scalars[v.Type()]; !ok {
			for _, below := range fieldsOf(v.Type()) {
				d.fallBack(v.Field(below.index), &below, join(key, below.key))
			}
		}
		return
	}
	if f.fallback == "" {
		return
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: f.fallback}
	d.given[n] = "default"
	if v.Kind() == reflect.Slice {
		n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
		d.given[n] = "default"
	}
	d.value(n, v, key, f)
}

// entries returns the values of a mapping by key. It records unknown and duplicate keys
// as errors.
func (d *decoder) entries(n *yaml.Node, key string, fields []field) (map[string]*yaml.Node, bool) {
	good := true
	entries := make(map[string]*yaml.Node)
	lines := make(map[string]int)
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		k := d.follow(n.Content[i])
		switch {
		case k.Kind != yaml.ScalarNode:
			d.fail(k, key, "a key must be a word, but this is %s (quote values that begin with { or [)", kindOf(k))
		case k.ShortTag() == "!!merge" && k.Style&quoted == 0:
			d.fail(k, key, "merge keys (<<) are not supported; write the keys out")
		case fields != nil && !slices.Contains(known, k.Value):
			d.fail(k, key, "unknown key %s%s; known keys are %s", printable(k.Value), suggestion(k.Value, known), strings.Join(known, ", "))
		case lines[k.Value] > 0:
			d.fail(k, join(key, k.Value), "duplicate key, first used on line %d; keep one", lines[k.Value])
		case k.Value == "" || !d.clean(k):
			d.fail(k, key, "a key must not contain control characters")
		default:
			value := n.Content[i+1]
			entries[k.Value] = value
			lines[k.Value] = k.Line
			if value.Kind == yaml.MappingNode || value.Kind == yaml.SequenceNode {
				d.begin[value] = k.Line
			}
			continue
		}
		good = false
	}
	return entries, good
}

// table decodes a mapping with user-defined keys.
func (d *decoder) table(n *yaml.Node, v reflect.Value, key string) bool {
	if n.Kind != yaml.MappingNode {
		d.fail(n, key, "it is %s; write names and their values, such as editors: [alice, bob]", kindOf(n))
		return false
	}
	entries, good := d.entries(n, key, nil)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		node := entries[name]
		item := reflect.New(v.Type().Elem()).Elem()
		good = d.value(node, item, join(key, name), &field{}) && good
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
	return good
}

// list decodes a list. A bad item is left zero, so that the others keep their index.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string, f *field) bool {
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		if !f.single || n.Kind != yaml.ScalarNode {
			d.fail(n, key, "it is %s; write a list: in [brackets], or each on a line of its own after a dash", kindOf(n))
			return false
		}
		items = []*yaml.Node{n}
	}
	if len(items) == 0 && f.nonempty != "" {
		d.fail(n, key, "%s", f.nonempty)
		return false
	}
	good := true
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i, item := range items {
		element := reflect.New(v.Type().Elem()).Elem()
		good = d.value(item, element, key+"["+strconv.Itoa(i)+"]", f) && good
		v.Set(reflect.Append(v, element))
	}
	return good
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func join(key, below string) string {
	if key == "" {
		return below
	}
	return key + "." + below
}
