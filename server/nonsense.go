package server

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// nonsense checks the configuration of a constructor, and panics at the first value that
// makes no sense. Such a value is a bug in the program, not a mistake of a user. If it were
// replaced by a default, the server would do something that was not intended.
type nonsense struct{ constructor string }

func (c nonsense) found(format string, args ...any) {
	panic("server." + c.constructor + ": " + fmt.Sprintf(format, args...))
}

// whole panics if n is negative, for a field whose zero value is its default.
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

// rate panics if perSecond is not a valid number of requests per second.
func (c nonsense) rate(field string, perSecond float64) {
	if !(perSecond >= 0) || math.IsInf(perSecond, 0) {
		c.found("%s is %v; write a number of requests per second", field, perSecond)
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

// index panics if an index file could not be in a directory.
func (c nonsense) index(names []string) {
	for _, name := range names {
		if n, err := vfs.ParseName(name); err != nil || strings.Contains(n.String(), "/") {
			c.found("Config.Index has %q, which is not a single path element", name)
		}
	}
}

// auth panics if an Auth protects nothing, since there is no authorizer. wanted says where
// to set one.
func (c nonsense) auth(a *Auth, authorized bool, wanted string) {
	if !authorized && (a.Authenticator != nil || a.Unauthorized != nil || a.Links != nil) {
		c.found("Auth has an Authenticator, Unauthorized or Links, but nothing authorizes operations, so everybody could do everything; set %s", wanted)
	}
	if a.Links == nil && (a.Uses != nil || a.Leads != nil || a.Redirect != 0) {
		c.found("Auth has Uses, Leads or Redirect, but no Links")
	}
	c.duration("Auth.Redirect", a.Redirect)
}

func (c nonsense) intake(in *Intake) {
	c.duration("Intake.Timeout", in.Timeout)
	c.duration("Intake.Idle", in.Idle)
	c.slots("Intake.Slots", in.Slots)
}

// slots panics if NewSlots did not make s.
func (c nonsense) slots(field string, s *Slots) {
	if s != nil && s.Len() == 0 {
		c.found("%s is not made by NewSlots", field)
	}
}
