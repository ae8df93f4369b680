package main

import (
	"errors"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The flag types of this file differ from cobra's own in what they say when
// a value is wrong: what to write instead.

// A choice is a flag that takes one of a few words.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.words, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errors.New("it is one of " + strings.Join(c.words, ", "))
	}
	c.value = s
	return nil
}

// A toggle is a flag that is on or off.
type toggle bool

func (t *toggle) String() string { return strconv.FormatBool(bool(*t)) }
func (t *toggle) Type() string   { return "bool" }

func (t *toggle) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("it is true or false")
	}
	*t = toggle(b)
	return nil
}

// A span is a flag that takes a length of time, not negative.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (s *span) Type() string   { return "duration" }

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("write a number and a unit, such as 15s, 5m or 24h")
	}
	if d < 0 {
		return errors.New("a length of time cannot be negative")
	}
	*s = span(d)
	return nil
}

// A positive is a flag that takes a whole number from 1 on.
type positive int

func (p *positive) String() string { return strconv.Itoa(int(*p)) }
func (p *positive) Type() string   { return "N" }

func (p *positive) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return errors.New("write a whole number from 1 on")
	}
	*p = positive(n)
	return nil
}

// A size is a flag that takes a number of bytes, at least one.
type size int64

func (s *size) String() string { return formatSize(int64(*s)) }
func (s *size) Type() string   { return "SIZE" }

func (s *size) Set(text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	*s = size(n)
	return nil
}

// sizeUnits are the units of sizes, the larger ones first.
var sizeUnits = []struct {
	name  string
	bytes uint64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

// parseSize reads a size: a whole number of bytes, or of a unit behind it, in any
// case: KB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024.
func parseSize(text string) (int64, error) {
	digits := strings.TrimLeft(text, "0123456789")
	number, unit := text[:len(text)-len(digits)], strings.TrimPrefix(digits, " ")
	n, err := strconv.ParseUint(number, 10, 63)
	for _, u := range sizeUnits {
		if err != nil || !strings.EqualFold(u.name, unit) {
			continue
		}
		over, total := bits.Mul64(n, u.bytes)
		if over > 0 || total > math.MaxInt64 || total == 0 {
			break
		}
		return int64(total), nil
	}
	return 0, errors.New("write a size such as 500MB, 10MiB or a number of bytes, at least 1 and below 8 EiB")
}

// formatSize prints n so that parseSize reads it, in the largest unit that n is a
// whole number of.
func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if u.name != "" && uint64(n)%u.bytes == 0 {
			return strconv.FormatUint(uint64(n)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
