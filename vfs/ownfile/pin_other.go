//go:build !linux

package ownfile

import "os"

// pinAt returns the file at path, following links.
func pinAt(path string) (pin, bool) {
	st, err := os.Stat(path)
	if err != nil {
		return pin{}, false
	}
	return pin{id: idOf(st), path: path}, true
}

// dropGone removes pins of files that are no longer at their path: their numbers may
// have been reused.
func dropGone(pins []pin) []pin {
	kept := pins[:0]
	for _, p := range pins {
		if now, ok := pinAt(p.path); ok && now.id.same(p.id) {
			kept = append(kept, now)
		}
	}
	clear(pins[len(kept):])
	return kept
}
