package config

import "reflect"

// Form describes the text form of a type's values, if it has one: its name, and a
// pattern that all valid values match, "" for any text.
func Form(t reflect.Type) (what, pattern string, ok bool) {
	s, ok := scalars[t]
	return s.what, s.pattern, ok
}

// Keys returns every key of the file, with [] after lists.
func Keys() []string { return keysBelow(reflect.TypeFor[Config](), "") }

func keysBelow(t reflect.Type, path string) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		key := join(path, f.key)
		below := t.Field(f.index).Type
		for below.Kind() == reflect.Pointer || below.Kind() == reflect.Slice {
			if below.Kind() == reflect.Slice {
				key += "[]"
			}
			below = below.Elem()
		}
		keys = append(keys, key)
		if _, scalar := scalars[below]; !scalar && below.Kind() == reflect.Struct {
			keys = append(keys, keysBelow(below, key)...)
		}
	}
	return keys
}

// Has reports whether key has a value, including a default.
func (c *Config) Has(key string) bool {
	_, ok := c.positions[key]
	return ok
}

// Strangers returns the number of users that cannot exist.
func (c *Config) Strangers(local []string) int { return len(c.strangers(local)) }
