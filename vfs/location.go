package vfs

import "reflect"

// A Location tells where a backend stores an object: names with equal Locations lead to one
// object. It shows nothing of the store. Its type supports ==, but that panics if what
// LocationIn was given does not.
type Location struct {
	store any
	key   string
}

// LocationIn returns the Location of what has the key in a store. It is for a backend's
// Locate; see driver.Locator. Values of store that are equal mean one store, in which
// different keys are different objects. One store may have several such values, as it can
// have several addresses.
func LocationIn(store any, key string) Location { return Location{store, key} }

// Locate returns where b stores the object n. A backend without a Locate of its own, and
// without one below its Under methods, is a store, and n the key in it.
func Locate(b Backend, n Name) Location {
	for {
		if l, ok := b.(interface{ Locate(Name) Location }); ok {
			return l.Locate(n)
		}
		layer, ok := b.(interface{ Under() Backend })
		if !ok {
			return LocationIn(b, n.s)
		}
		b = layer.Under()
	}
}

// inOneStore reports whether l and m are certainly in the same store.
func (l Location) inOneStore(m Location) bool { return sameValue(l.store, m.store) }

// sameValue reports whether a and b are one value. Some types cannot be compared.
func sameValue(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
