package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// The flag types in this file replace cobra's own because their errors say what to write
// instead.

// A Choice is a flag whose value is one of a few words.
type Choice struct {
	Value string
	Words []string
}

func (c *Choice) String() string { return c.Value }
func (c *Choice) Type() string   { return strings.Join(c.Words, "|") }

func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Words, s) {
		return errors.New("write one of " + strings.Join(c.Words, ", "))
	}
	c.Value = s
	return nil
}

// A Toggle is a flag that is on or off.
type Toggle bool

func (t *Toggle) String() string { return strconv.FormatBool(bool(*t)) }
func (t *Toggle) Type() string   { return "bool" }

func (t *Toggle) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("write true or false")
	}
	*t = Toggle(b)
	return nil
}

// AddToggle adds a flag that is on when it is given without a value.
func AddToggle(cmd *cobra.Command, t *Toggle, name, short, usage string) {
	cmd.Flags().VarPF(t, name, short, usage).NoOptDefVal = "true"
}

// A Duration is a flag whose value is a duration, not negative.
type Duration time.Duration

func (s *Duration) String() string { return time.Duration(*s).String() }
func (s *Duration) Type() string   { return "duration" }

func (s *Duration) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("write a number and a unit, such as 15s, 5m or 24h")
	}
	if d < 0 {
		return errors.New("a duration cannot be negative; write one such as 15s, 5m or 24h")
	}
	*s = Duration(d)
	return nil
}

// A Positive is a flag whose value is a whole number of at least 1.
type Positive int

func (p *Positive) String() string { return strconv.Itoa(int(*p)) }
func (p *Positive) Type() string   { return "N" }

func (p *Positive) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return errors.New("write a whole number of at least 1")
	}
	*p = Positive(n)
	return nil
}

// A Size is a flag whose value is a number of bytes, at least one.
type Size int64

func (s *Size) String() string { return config.Size(*s).String() }
func (s *Size) Type() string   { return "SIZE" }

func (s *Size) Set(text string) error {
	n, err := config.ParseSize(text)
	if err != nil {
		return err
	}
	*s = Size(n)
	return nil
}

// A Width is a flag whose value is a number of parallel operations.
type Width int

// maxWidth is well below the number of operations that a backend runs in parallel.
const maxWidth = 64

func (w *Width) String() string { return strconv.Itoa(int(*w)) }
func (w *Width) Type() string   { return "N" }

func (w *Width) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxWidth {
		return errors.New("write a number from 1 to " + strconv.Itoa(maxWidth))
	}
	*w = Width(n)
	return nil
}
