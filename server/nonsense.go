package server

import (
	"fmt"
	"math"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A constructor checks its configuration with a nonsense and panics at the first thing
// that makes none. Such a value is a mistake in the program and not in what a user wrote,
// and a server that took it for a default would serve something else than was meant.
type nonsense struct{ constructor string }

func (c nonsense) found(format string, args ...any) {
	panic("server." + c.constructor + ": " + fmt.Sprintf(format, args...))
}

// whole refuses a number below 0, for a field whose zero value is its default.
func (c nonsense) whole(field string, n int64) {
	if n < 0 {
		c.found("%s is %d; write 0 for its default, or more", field, n)
	}
}

func (c nonsense) duration(field string, d time.Duration) {
	if d < 0 {
		c.found("%s is %v; write 0 for its default, or more", field, d)
	}
}

// rate refuses what is no number of requests a second.
func (c nonsense) rate(field string, perSecond float64) {
	if !(perSecond >= 0) || math.IsInf(perSecond, 0) {
		c.found("%s is %v; write a number of requests a second", field, perSecond)
	}
}

func (c nonsense) jail(j *vfs.Jail) {
	if j == nil {
		c.found("the jail is nil; make one with vfs.New")
	}
}

func (c nonsense) content(v Content) {
	if v > ContentUntrusted {
		c.found("Config.Content is %d; write ContentAuto, ContentTrusted or ContentUntrusted", v)
	}
}

// gate refuses a Gate that enforces nothing: it judges who asks, and nobody decides by
// it. decides says that somebody does; wanted says where to set who does.
func (c nonsense) gate(g *Gate, decides bool, wanted string) {
	if !decides && (g.Auth != nil || g.Links != nil) {
		c.found("Gate has Auth or Links, but nothing decides who may do what, so everybody could do everything; set %s", wanted)
	}
	if g.Links == nil && (g.Uses != nil || g.Leads != nil || g.Redirect != 0) {
		c.found("Gate has Uses, Leads or Redirect, but no Links")
	}
	c.duration("Gate.Redirect", g.Redirect)
}

func (c nonsense) intake(in *Intake) {
	c.duration("Intake.Timeout", in.Timeout)
	c.duration("Intake.Idle", in.Idle)
	c.slots("Intake.Slots", in.Slots)
}

// slots refuses Slots without room, which NewSlots did not make.
func (c nonsense) slots(field string, s *Slots) {
	if s != nil && s.Len() == 0 {
		c.found("%s is not made by NewSlots", field)
	}
}
