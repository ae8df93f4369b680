package filestore

import (
	"fmt"
	"reflect"
)

// A Location is driver.Location.
type Location struct {
	store any
	key   string
}

// LocationIn is driver.LocationIn.
func LocationIn(store any, key string) Location { return Location{store, key} }

// Locate is driver.Locate, for the Backend and Name of package vfs.
func Locate[Backend any, Name fmt.Stringer](b Backend, n Name) Location {
	for {
		if l, ok := any(b).(interface{ Locate(Name) Location }); ok {
			return l.Locate(n)
		}
		layer, ok := any(b).(interface{ Under() Backend })
		if !ok {
			return LocationIn(b, n.String())
		}
		b = layer.Under()
	}
}

// Is reports whether l and m are one object. It is not known if they are not certainly in one
// store.
func (l Location) Is(m Location) (one, known bool) {
	return l.key == m.key, SameValue(l.store, m.store)
}

// SameValue reports whether a and b are one value. Some types cannot be compared.
func SameValue(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
