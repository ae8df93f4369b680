//go:build !linux

package ownfile

import "os"

// pinAt finds what is at path, links followed.
func pinAt(path string) (pin, bool) {
	st, err := os.Stat(path)
	if err != nil {
		return pin{}, false
	}
	return pin{id: idOf(st), path: path}, true
}

// dropGone takes out what is no longer where it was found: its number may have been
// given to another file.
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
