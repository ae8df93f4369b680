package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
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

// addToggle adds a flag that is on when it is given without a value.
func addToggle(cmd *cobra.Command, t *toggle, name, short, usage string) {
	cmd.Flags().VarPF(t, name, short, usage).NoOptDefVal = "true"
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

func (s *size) String() string { return config.Size(*s).String() }
func (s *size) Type() string   { return "SIZE" }

func (s *size) Set(text string) error {
	n, err := config.ParseSize(text)
	if err != nil {
		return err
	}
	*s = size(n)
	return nil
}

// A width is a flag that says how much is done at a time.
type width int

// maxWidth is well below what a backend lets run at a time.
const maxWidth = 64

func (w *width) String() string { return strconv.Itoa(int(*w)) }
func (w *width) Type() string   { return "N" }

func (w *width) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxWidth {
		return errors.New("it is a number from 1 to " + strconv.Itoa(maxWidth))
	}
	*w = width(n)
	return nil
}
