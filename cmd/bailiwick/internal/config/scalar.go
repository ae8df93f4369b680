package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar decodes a single value.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string, f *field) bool {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(n, key, "it is %s; write a single value", kindOf(n))
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, key, "leave out the tag %s", n.Tag)
		return false
	case !d.clean(n):
		d.fail(n, key, "it contains a control character; remove it")
		return false
	}
	parsed, err := d.parse(n, v.Type(), f)
	if err != nil {
		d.fail(n, key, "%s", err)
		return false
	}
	if d.dir != "" && d.given[n] == "" {
		parsed = resolve(parsed, d.dir)
	}
	v.Set(reflect.ValueOf(parsed).Convert(v.Type()))
	return true
}

// parse parses the value as it is written. YAML would read 010 as 8, 1_000 as 1000 and
// yes as true, which is not what the user meant.
func (d *decoder) parse(n *yaml.Node, t reflect.Type, f *field) (any, error) {
	plain := n.Style&quoted == 0
	fromFile := d.given[n] == ""
	if s, ok := scalars[t]; ok {
		v, err := s.parse(n.Value)
		if err == nil && fromFile && plain && !isText(n) {
			err = fmt.Errorf(`write it in quotes: "%s"`, n.Value)
		}
		return v, err
	}
	switch t.Kind() {
	case reflect.Bool:
		if plain && (n.Value == "true" || n.Value == "false") {
			return n.Value == "true", nil
		}
		return nil, fmt.Errorf("write true or false%s", withoutQuotes(plain))
	case reflect.Int:
		i, err := strconv.ParseInt(n.Value, 10, 32)
		if !plain || err != nil || strconv.FormatInt(i, 10) != n.Value || i < 0 {
			return nil, fmt.Errorf("write a whole number from 0 to %d in decimal digits, such as 1000%s", math.MaxInt32, withoutQuotes(plain))
		}
		return int(i), nil
	}
	if f.words != nil && !slices.Contains(f.words, n.Value) {
		return nil, fmt.Errorf("unknown value %s%s; use one of %s", printable(n.Value), suggestion(n.Value, f.words), strings.Join(f.words, ", "))
	}
	if n.Value == "" {
		return nil, errors.New("it is empty; write a value, or leave it out")
	}
	if fromFile && plain && !isText(n) {
		return nil, fmt.Errorf(`write it in quotes: "%s"`, n.Value)
	}
	return n.Value, nil
}

// isText reports whether every YAML reader takes an unquoted n as text.
func isText(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		return false
	}
	return true
}

func withoutQuotes(plain bool) string {
	if plain {
		return ""
	}
	return ", without quotes"
}

// clean reports whether the value has no control characters, which could end a log line
// or move a terminal's cursor.
func (d *decoder) clean(n *yaml.Node) bool {
	return !strings.ContainsFunc(n.Value, unicode.IsControl)
}
