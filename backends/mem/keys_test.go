package mem

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// A keySet has the same content as a map, in order, whatever is added and removed.
func TestKeySet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s keySet
	model := map[string]bool{}
	for round := range 20_000 {
		key := fmt.Sprintf("%04d", rng.IntN(3000))
		if grows := round%10_000 < 6000; rng.IntN(4) > 0 == grows {
			s.add(key)
			model[key] = true
		} else {
			s.remove(key)
			delete(model, key)
		}
		if s.empty() != (len(model) == 0) {
			t.Fatalf("empty: %t with %d keys", s.empty(), len(model))
		}
		if round%500 != 499 {
			continue
		}
		want := slices.Sorted(maps.Keys(model))
		var got []string
		for part := s.after(""); part != nil; part = s.after(part[len(part)-1]) {
			if len(part) > blockKeys {
				t.Fatalf("%d keys at a time", len(part))
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: %d keys, want %d", round, len(got), len(want))
		}
		at := fmt.Sprintf("%04d", rng.IntN(3000))
		i, there := slices.BinarySearch(want, at)
		if there {
			i++
		}
		if part := s.after(at); len(part) == 0 != (i == len(want)) || len(part) > 0 && part[0] != want[i] {
			t.Fatalf("round %d: after %s comes %q", round, at, part)
		}
	}
	for key := range model {
		s.remove(key)
	}
	if !s.empty() || s.after("") != nil {
		t.Errorf("keys remain: %q", s.after(""))
	}
}
