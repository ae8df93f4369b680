package mem

import (
	"slices"
	"sort"
)

// blockKeys is the maximum number of keys in a block of a keySet.
const blockKeys = 512

// A keySet holds the keys of a directory's entries in order. They are in blocks, so
// that neither a change nor reading a few keys takes work or memory for all. The zero
// keySet is empty.
type keySet struct {
	blocks [][]string // each in order, none of them empty
}

func (s *keySet) empty() bool { return s == nil || len(s.blocks) == 0 }

// block returns the index of the first block that contains key or a greater key.
func (s *keySet) block(key string) int {
	return sort.Search(len(s.blocks), func(i int) bool {
		b := s.blocks[i]
		return b[len(b)-1] >= key
	})
}

func (s *keySet) add(key string) {
	if len(s.blocks) == 0 {
		s.blocks = [][]string{{key}}
		return
	}
	i := min(s.block(key), len(s.blocks)-1)
	at, there := slices.BinarySearch(s.blocks[i], key)
	if there {
		return
	}
	b := slices.Insert(s.blocks[i], at, key)
	s.blocks[i] = b
	if len(b) > blockKeys {
		half := len(b) / 2
		s.blocks[i] = b[:half:half]
		s.blocks = slices.Insert(s.blocks, i+1, slices.Clone(b[half:]))
	}
}

func (s *keySet) remove(key string) {
	i := s.block(key)
	if i == len(s.blocks) {
		return
	}
	at, there := slices.BinarySearch(s.blocks[i], key)
	if !there {
		return
	}
	if s.blocks[i] = slices.Delete(s.blocks[i], at, at+1); len(s.blocks[i]) == 0 {
		s.blocks = slices.Delete(s.blocks, i, i+1)
	}
}

// after returns some of the keys after key, in order; none if there are none.
func (s *keySet) after(key string) []string {
	for i := s.block(key); i < len(s.blocks); i++ {
		at, there := slices.BinarySearch(s.blocks[i], key)
		if there {
			at++
		}
		if at < len(s.blocks[i]) {
			return slices.Clone(s.blocks[i][at:])
		}
	}
	return nil
}
