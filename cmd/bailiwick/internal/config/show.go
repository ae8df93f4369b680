package config

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// YAML returns the configuration with all defaults filled in, as a file that means the
// same in any directory. Secrets are masked. Load accepts the file unless it holds a
// masked secret.
func (c *Config) YAML() ([]byte, error) {
	return yaml.Dump(nodeOf(reflect.ValueOf(c).Elem(), nil))
}

// nodeOf returns v's YAML, or nil if v was omitted and has no default.
func nodeOf(v reflect.Value, f *field) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
		if n := nodeOf(v, f); n != nil {
			return n
		}
		return &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	}
	if v.IsZero() && (f == nil || f.fallback == "") && v.Kind() != reflect.Struct {
		return nil
	}
	if s, ok := scalars[v.Type()]; ok {
		if v.IsZero() && (f == nil || f.fallback == "") {
			return nil
		}
		return text(s.text(v.Interface()))
	}
	switch v.Kind() {
	case reflect.Struct:
		return mappingOf(v)
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			item := nodeOf(v.Index(i), nil)
			// Only of a field does the zero value mean that it was omitted.
			if s, ok := scalars[v.Type().Elem()]; ok {
				item = text(s.text(v.Index(i).Interface()))
			}
			if item != nil {
				n.Content = append(n.Content, item)
			}
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(v.Interface().(map[string][]string))) {
			value := nodeOf(v.MapIndex(reflect.ValueOf(key)), nil)
			if value == nil {
				value = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			}
			n.Content = append(n.Content, text(key), value)
		}
		return n
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatBool(v.Bool())}
	case reflect.Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatInt(v.Int(), 10)}
	}
	return text(v.String())
}

func mappingOf(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		if value := nodeOf(v.Field(f.index), &f); value != nil {
			n.Content = append(n.Content, text(f.key), value)
		}
	}
	if len(n.Content) == 0 {
		return nil
	}
	return n
}

// text returns a string's node. The tag makes the writer quote strings that would
// otherwise be read as another type.
func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}
