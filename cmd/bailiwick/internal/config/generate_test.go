package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

var update = flag.Bool("update", false, "rewrite reference.md and schema.json")

// TestGenerated compares the reference and the schema with the types that they are
// generated from.
func TestGenerated(t *testing.T) {
	docs := readDocs(t)
	for file, want := range map[string]string{
		"../../docs/reference.md": reference(docs),
		"schema.json":             schema(t, docs),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is out of date (-want +got); update it with go test ./cmd/bailiwick/internal/config -run TestGenerated -update:\n%s", file, diff)
		}
	}
}

// docs maps types (Type) and fields (Type.Field) of the files config*.go to their doc
// comments, each on one line.
type docs map[string]string

func readDocs(t *testing.T) docs {
	t.Helper()
	files, err := filepath.Glob("config*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := docs{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
				found.add(gen)
			}
		}
	}
	return found
}

func (d docs) add(gen *ast.GenDecl) {
	spec := gen.Specs[0].(*ast.TypeSpec)
	d[spec.Name.Name] = strings.Join(strings.Fields(gen.Doc.Text()), " ")
	for _, f := range spec.Type.(*ast.StructType).Fields.List {
		d[spec.Name.Name+"."+f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
	}
}

// A key is a field of the configuration's types.
type key struct {
	reflect.StructField
	name string
	doc  string
}

func keysOf(t reflect.Type, d docs) []key {
	var keys []key
	for f := range t.Fields() {
		if name := f.Tag.Get("yaml"); name != "" {
			keys = append(keys, key{f, name, d[t.Name()+"."+f.Name]})
		}
	}
	return keys
}

// below returns the struct type of a key's value or list items, nil if they are not
// structs.
func (k *key) below() reflect.Type {
	t := k.Type
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if _, _, scalar := config.Form(t); scalar || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

func reference(d docs) string {
	var out bytes.Buffer
	out.WriteString(`# The configuration file

` + "`bailiwick serve --config FILE`" + ` reads one YAML file. Flags override the environment variables ` + "`BAILIWICK_*`" + `, which override the
file, which overrides the defaults listed here. Unknown keys, duplicate keys and values of the wrong type are errors that name
the file and the line. Durations and sizes have a unit (` + "`300s`, `5GiB`" + `); numbers are decimal digits. Relative paths are relative to
the directory of the file.

This page is generated from the types of package config, as is the JSON schema that ` + "`bailiwick config schema`" + ` prints.
`)
	section(&out, d, reflect.TypeFor[config.Config](), "")
	return out.String()
}

func section(out *bytes.Buffer, d docs, t reflect.Type, path string) {
	if path == "" {
		out.WriteString("\n## Top level\n\n")
	} else {
		fmt.Fprintf(out, "\n## `%s`\n\n%s\n\n", path, d[t.Name()])
	}
	out.WriteString("| key | value | default | meaning |\n|---|---|---|---|\n")
	keys := keysOf(t, d)
	for _, k := range keys {
		fallback := k.Tag.Get("default")
		switch {
		case k.Tag.Get("required") != "":
			fallback = "required"
		case fallback != "":
			fallback = "`" + fallback + "`"
		}
		meaning := k.doc
		for flag, of := range config.Flags {
			if of == strings.TrimPrefix(path+"."+k.name, ".") {
				meaning += " Flag: `--" + flag + "`."
			}
		}
		if example := k.Tag.Get("example"); example != "" {
			meaning += " Example: `" + example + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", k.name, cell(valueOf(&k)), cell(fallback), cell(meaning))
	}
	for _, k := range keys {
		if b := k.below(); b != nil {
			name := strings.TrimPrefix(path+"."+k.name, ".")
			if k.Type.Kind() == reflect.Slice {
				name += "[]"
			}
			section(out, d, b, name)
		}
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// valueOf describes the values of a key.
func valueOf(k *key) string {
	if words := k.Tag.Get("oneof"); words != "" {
		return "`" + strings.ReplaceAll(words, "|", "` or `") + "`"
	}
	t := k.Type
	switch {
	case k.below() != nil && t.Kind() == reflect.Slice:
		return "list, see below"
	case k.below() != nil:
		return "see below"
	case t.Kind() == reflect.Map:
		return "mapping: name to list of text"
	case t.Kind() == reflect.Slice && k.Tag.Get("single") != "":
		return simple(t.Elem()) + ", or a list"
	case t.Kind() == reflect.Slice:
		return "list: " + simple(t.Elem())
	}
	return simple(t)
}

func simple(t reflect.Type) string {
	if what, _, ok := config.Form(t); ok {
		return what
	}
	switch t.Kind() {
	case reflect.Bool:
		return "`true` or `false`"
	case reflect.Int:
		return "number"
	}
	return "text"
}

// object is a JSON object. Its keys are printed in alphabetical order.
type object = map[string]any

func schema(t *testing.T, d docs) string {
	t.Helper()
	root := schemaOf(t, d, reflect.TypeFor[config.Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Bailiwick's configuration file"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// together holds the schema rules for keys of a type that require or exclude each other.
var together = map[string]string{
	"TLS": `[{"oneOf": [
		{"required": ["cert", "key"], "properties": {"acme": false}},
		{"required": ["acme"], "properties": {"cert": false, "key": false}}]}]`,
	"Shares":  `[{"oneOf": [{"required": ["catalog"]}, {"required": ["catalog_file"]}]}]`,
	"Uploads": `[{"oneOf": [{"required": ["catalog"]}, {"required": ["catalog_file"]}]}]`,
	"Mount": `[
		{"oneOf": [{"required": ["source"]}, {"required": ["sources"]}]},
		{"not": {"required": ["uploads", "sources"]}},
		{"anyOf": [
			{"required": ["allow"], "properties": {"allow": {"minItems": 1}}},
			{"required": ["allow_file"], "properties": {"allow_file": {"minItems": 1}}},
			{"required": ["uploads"]}]},
		{"not": {"required": ["uploads", "write"], "properties": {"write": {"const": true}}}},
		{"not": {"required": ["uploads", "allow"]}},
		{"not": {"required": ["uploads", "deny"]}},
		{"not": {"required": ["uploads", "index"]}},
		{"not": {"required": ["uploads", "no_index"], "properties": {"no_index": {"const": true}}}},
		{"not": {"required": ["uploads", "inline"], "properties": {"inline": {"minItems": 1}}}},
		{"not": {"required": ["uploads", "allow_file"]}},
		{"not": {"required": ["uploads", "list"], "properties": {"list": {"const": true}}}},
		{"not": {"required": ["uploads", "precompressed"], "properties": {"precompressed": {"const": true}}}},
		{"not": {"required": ["uploads", "symlinks"], "properties": {"symlinks": {"const": "inside"}}}},
		{"not": {"required": ["uploads", "content"], "properties": {"content": {"const": "trusted"}}}},
		{"not": {"required": ["inline", "content"], "properties": {"content": {"const": "trusted"}, "inline": {"minItems": 1}}}},
		{"not": {"required": ["precompressed", "source"], "not": {"required": ["cache"]}, "properties": {"precompressed": {"const": true}, "source": {"pattern": "^s3://"}}}},
		{"anyOf": [
			{"not": {"required": ["precompressed"], "properties": {"precompressed": {"const": true}}}},
			{"required": ["cache"]},
			{"properties": {"sources": {"items": {"not": {"pattern": "^s3://"}}}}}]},
		{"anyOf": [
			{"not": {"required": ["types"]}},
			{"required": ["uploads"]},
			{"required": ["write"], "properties": {"write": {"const": true}}}]},
		{"anyOf": [
			{"required": ["uploads"]},
			{"properties": {"access": {"items": {"properties": {"who": {"not": {"const": "owner"}}, "can": {"items": {"not": {"const": "upload"}}}}}}}}]}]`,
}

func schemaOf(t *testing.T, d docs, typ reflect.Type) object {
	t.Helper()
	if _, pattern, ok := config.Form(typ); ok {
		s := object{"type": "string"}
		if pattern != "" {
			s["pattern"] = pattern
		}
		return s
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return schemaOf(t, d, typ.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return object{"type": "integer", "minimum": 0}
	case reflect.String:
		return object{"type": "string", "minLength": 1}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t, d, typ.Elem())}
	case reflect.Map:
		values := schemaOf(t, d, typ.Elem())
		values["uniqueItems"] = true // the members of a group
		return object{"type": "object", "additionalProperties": values}
	}
	properties, required := object{}, []string{}
	for _, k := range keysOf(typ, d) {
		s := schemaOf(t, d, k.Type)
		if words := k.Tag.Get("oneof"); words != "" {
			s = object{"enum": strings.Split(words, "|")}
		}
		if k.Tag.Get("nonempty") != "" {
			s["minItems"] = 1
		}
		if least := k.Tag.Get("least"); least != "" {
			s["minimum"] = json.Number(least)
		}
		if k.Tag.Get("single") != "" {
			s = object{"anyOf": []any{s, s["items"]}}
		}
		if k.Tag.Get("required") != "" {
			required = append(required, k.name)
		}
		s["description"] = k.doc
		if text := k.Tag.Get("default"); text != "" {
			s["default"] = defaultOf(text, k.Type)
		}
		if text := k.Tag.Get("example"); text != "" {
			s["examples"] = []any{example(t, text)}
		}
		properties[k.name] = s
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if rules := together[typ.Name()]; rules != "" {
		s["allOf"] = json.RawMessage(rules)
	}
	return s
}

// defaultOf returns the JSON value of a default tag, which is written as in the file,
// except that a list's single item has no brackets.
func defaultOf(text string, t reflect.Type) any {
	switch t.Kind() {
	case reflect.Bool:
		return text == "true"
	case reflect.Int:
		return json.Number(text)
	case reflect.Slice:
		return []any{text}
	}
	return text
}

// example returns the JSON value of an example tag, which is YAML.
func example(t *testing.T, text string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return jsonOf(n.Content[0])
}
