package config

import "reflect"

// Form says how values of a type are written that has a form of its own: what it is
// called, and the pattern that all good values match, "" for any text.
func Form(t reflect.Type) (what, pattern string, ok bool) {
	s, ok := scalars[t]
	return s.what, s.pattern, ok
}

// Keys returns every key of the file, lists with [] behind them.
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

// Has reports whether key has a value, a default too.
func (c *Config) Has(key string) bool {
	_, ok := c.places[key]
	return ok
}
