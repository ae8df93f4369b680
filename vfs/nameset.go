package vfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A nameSet is a pattern of exact names. A match is one table lookup, whether the set
// has ten names or a million.
type nameSet struct {
	label string
	names map[string]int32    // values are line numbers, 0 if there are none
	dirs  map[string]struct{} // all directories above a name
}

// NameSet makes a Pattern of exact names. Audit records and explain show label as the
// rule.
func NameSet(label string, names ...Name) (Pattern, error) {
	set := newNameSet(label, len(names))
	for _, n := range names {
		if n.IsZero() || n.IsRoot() {
			return Pattern{}, fmt.Errorf("%w: %s contains a name that cannot be an object", ErrPattern, label)
		}
		set.add(n, 0)
	}
	return Pattern{src: label, set: set}, nil
}

// ReadNameSet makes a Pattern of the exact names in r, one per line, as "bailiwick scan
// --save" writes them. Empty lines are skipped; every other byte counts, so a line that
// begins with "#" is a name. A line that is not a valid name, or has more than 1024
// bytes, is an error that gives label and line. The rule shown for a name is
// "label:line".
func ReadNameSet(label string, r io.Reader) (Pattern, error) {
	set := newNameSet(label, 0)
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4096), 64<<10)
	line := int32(0)
	for in.Scan() {
		line++
		text := in.Text()
		if text == "" {
			continue
		}
		n, err := ParseName(text)
		if err != nil {
			return Pattern{}, fmt.Errorf("%w: %s:%d: %s", ErrPattern, label, line, ReasonOf(err).Detail())
		}
		set.add(n, line)
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return Pattern{}, fmt.Errorf("%w: %s:%d: %s", ErrPattern, label, line+1, reason.NameTooLong.Detail())
	} else if err != nil {
		return Pattern{}, fmt.Errorf("reading %s: %w", label, err)
	}
	return Pattern{src: label, set: set}, nil
}

func newNameSet(label string, size int) *nameSet {
	return &nameSet{label: label, names: make(map[string]int32, size), dirs: map[string]struct{}{}}
}

func (s *nameSet) add(n Name, line int32) {
	if _, ok := s.names[n.s]; ok {
		return
	}
	s.names[n.s] = line
	addDirs(s.dirs, n)
}

// few reports whether the set has so few names that a copy costs little, and shows its
// label alone.
func (s *nameSet) few() bool {
	if len(s.names) > 16 {
		return false
	}
	for _, line := range s.names {
		if line != 0 {
			return false
		}
	}
	return true
}

// rule returns the rule to show for a name in the set.
func (s *nameSet) rule(line int32) string {
	if line == 0 {
		return s.label
	}
	return s.label + ":" + strconv.Itoa(int(line))
}

// addDirs adds all directories above n to dirs. If dirs has a directory already, it has
// those above it, too.
func addDirs(dirs map[string]struct{}, n Name) {
	for d := n.Dir(); !d.IsRoot(); d = d.Dir() {
		if _, ok := dirs[d.s]; ok {
			return
		}
		dirs[d.s] = struct{}{}
	}
}
