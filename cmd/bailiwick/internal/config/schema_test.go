package config_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// jsonOf returns the JSON value of a YAML 1.2 node.
func jsonOf(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return jsonOf(n.Alias)
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			object[n.Content[i].Value] = jsonOf(n.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, jsonOf(item))
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	}
	return n.Value
}

// A validator implements the part of JSON schema that schema.json uses, and fails the
// test on anything else.
type validator struct{ t *testing.T }

// wrong describes the first violation of s by v, "" if there is none.
func (c validator) wrong(s, v any, at string) string {
	if pass, ok := s.(bool); ok {
		if !pass {
			return at + " is not allowed here"
		}
		return ""
	}
	schema := s.(map[string]any)
	for word, arg := range schema {
		if text := c.breaks(word, arg, schema, v, at); text != "" {
			return text
		}
	}
	return ""
}

func (c validator) breaks(word string, arg any, schema map[string]any, v any, at string) string {
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch word {
	case "$schema", "title", "description", "default", "examples":
		return ""
	case "type":
		is := map[string]bool{
			"object": isObject, "array": isList, "string": isText, "boolean": reflect.TypeOf(v) == reflect.TypeFor[bool](),
			"integer": isNumber && number == float64(int64(number)),
		}
		good, known := is[arg.(string)]
		if !known {
			c.t.Fatalf("the schema has a type %v", arg)
		}
		if !good {
			return fmt.Sprintf("%s is not of type %v", at, arg)
		}
	case "properties":
		for key, below := range arg.(map[string]any) {
			if value, ok := object[key]; ok {
				if text := c.wrong(below, value, at+"."+key); text != "" {
					return text
				}
			}
		}
	case "additionalProperties":
		known, _ := schema["properties"].(map[string]any)
		for key, value := range object {
			if _, ok := known[key]; !ok {
				if text := c.wrong(arg, value, at+"."+key); text != "" {
					return text
				}
			}
		}
	case "required":
		for _, key := range arg.([]any) {
			if _, ok := object[key.(string)]; isObject && !ok {
				return fmt.Sprintf("%s lacks %s", at, key)
			}
		}
	case "items":
		for i, item := range list {
			if text := c.wrong(arg, item, at+"["+strconv.Itoa(i)+"]"); text != "" {
				return text
			}
		}
	case "minItems":
		if isList && float64(len(list)) < arg.(float64) {
			return at + " has too few items"
		}
	case "uniqueItems":
		for i := range list {
			if slices.ContainsFunc(list[:i], func(other any) bool { return reflect.DeepEqual(other, list[i]) }) {
				return fmt.Sprintf("%s has %v twice", at, list[i])
			}
		}
	case "minLength":
		if isText && float64(utf8.RuneCountInString(text)) < arg.(float64) {
			return at + " is too short"
		}
	case "minimum":
		if isNumber && number < arg.(float64) {
			return at + " is too small"
		}
	case "pattern":
		if isText && !regexp.MustCompile(arg.(string)).MatchString(text) {
			return fmt.Sprintf("%s does not match %s", at, arg)
		}
	case "enum":
		if !slices.Contains(arg.([]any), v) {
			return fmt.Sprintf("%s is none of %v", at, arg)
		}
	case "const":
		if v != arg {
			return fmt.Sprintf("%s is not %v", at, arg)
		}
	case "not":
		if c.wrong(arg, v, at) == "" {
			return at + " has values that exclude each other"
		}
	case "allOf", "anyOf", "oneOf":
		return c.combined(word, arg.([]any), v, at)
	default:
		c.t.Fatalf("the schema uses %s, which this test does not implement", word)
	}
	return ""
}

func (c validator) combined(word string, schemas []any, v any, at string) string {
	good, last := 0, ""
	for _, s := range schemas {
		if text := c.wrong(s, v, at); text == "" {
			good++
		} else {
			last = text
		}
	}
	if word == "allOf" && good == len(schemas) || word == "anyOf" && good > 0 || word == "oneOf" && good == 1 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d schemas match in %s (%s)", at, good, len(schemas), word, last)
}

// againstSchema returns the schema's first violation in a file, "" if there is none.
func againstSchema(t *testing.T, data []byte) string {
	t.Helper()
	var schema any
	if err := json.Unmarshal([]byte(config.Schema), &schema); err != nil {
		t.Fatal(err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		return err.Error()
	}
	if n.IsZero() {
		return "the file is empty"
	}
	return validator{t}.wrong(schema, jsonOf(n.Content[0]), "the file")
}

// TestSchemaExamples validates the schema's own examples and defaults.
func TestSchemaExamples(t *testing.T) {
	var schema any
	if err := json.Unmarshal([]byte(config.Schema), &schema); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(v any, at string)
	walk = func(v any, at string) {
		s, ok := v.(map[string]any)
		if !ok {
			return
		}
		examples, _ := s["examples"].([]any)
		if fallback, ok := s["default"]; ok {
			examples = append(examples, fallback)
		}
		for _, e := range examples {
			seen++
			if text := (validator{t}).wrong(s, e, at); text != "" {
				t.Errorf("%v: %s", e, text)
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for key, below := range properties {
			walk(below, at+"."+key)
		}
		walk(s["items"], at+"[]")
	}
	walk(schema, "")
	if seen < 40 {
		t.Errorf("only %d examples and defaults were found", seen)
	}
}
