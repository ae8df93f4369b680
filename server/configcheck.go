package server

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A configCheck checks the configuration of a constructor, and panics at the first value that
// makes no sense. Such a value is a bug in the program, not a mistake of a user. If it were
// replaced by a default, the server would do something that was not intended.
type configCheck struct{ constructor string }

func (c configCheck) panicf(format string, args ...any) {
	panic("server." + c.constructor + ": " + fmt.Sprintf(format, args...))
}

// whole panics if n is negative, for a field whose zero value is its default.
func (c configCheck) whole(field string, n int64) {
	if n < 0 {
		c.panicf("%s is %d; write 0 for its default, or more", field, n)
	}
}

func (c configCheck) duration(field string, d time.Duration) {
	if d < 0 {
		c.panicf("%s is %v; write 0 for its default, or more", field, d)
	}
}

// rate panics if perSecond is not a valid number of requests per second.
func (c configCheck) rate(field string, perSecond float64) {
	if !(perSecond >= 0) || math.IsInf(perSecond, 0) {
		c.panicf("%s is %v; write a number of requests per second", field, perSecond)
	}
}

func (c configCheck) jail(j *vfs.Jail) {
	if j == nil {
		c.panicf("the jail is nil; make one with vfs.New")
	}
}

// writable panics if the backend of a jail cannot be written to. why is the beginning of the
// message.
func (c configCheck) writable(why string, j *vfs.Jail) {
	if caps := j.Caps(); !caps.Writable {
		c.panicf("%sthe backend (%s) cannot be written to", why, caps.Kind)
	}
}

func (c configCheck) content(v Content) {
	if v > ContentUntrusted {
		c.panicf("Config.Content is %d; write ContentAuto, ContentTrusted or ContentUntrusted", v)
	}
}

// index panics if an index file could not be in a directory.
func (c configCheck) index(names []string) {
	for _, name := range names {
		if n, err := vfs.ParseName(name); err != nil || strings.Contains(n.String(), "/") {
			c.panicf("Config.Index has %q, which is not a single path element", name)
		}
	}
}

// auth panics if an Auth protects nothing, since there is no authorizer. wanted says where
// to set one.
func (c configCheck) auth(a *Auth, authorized bool, wanted string) {
	if !authorized && (a.Authenticator != nil || a.Unauthorized != nil || a.SignIn != nil || a.Links != nil) {
		c.panicf("Auth has an Authenticator, Unauthorized, SignIn or Links, but nothing authorizes operations, so everybody could do everything; set %s", wanted)
	}
	if a.Unauthorized != nil && a.SignIn != nil {
		c.panicf("Auth has both Unauthorized and SignIn; leave one of them nil")
	}
	if a.Links == nil && (a.Uses != nil || a.Redirect != 0) {
		c.panicf("Auth has Uses or Redirect, but no Links")
	}
	c.duration("Auth.Redirect", a.Redirect)
}

func (c configCheck) intake(in *Intake) {
	c.duration("Intake.Timeout", in.Timeout)
	c.duration("Intake.Idle", in.Idle)
	c.slots("Intake.Slots", in.Slots)
}

// slots panics if NewSlots did not make s.
func (c configCheck) slots(field string, s *Slots) {
	if s != nil && s.Len() == 0 {
		c.panicf("%s is not made by NewSlots", field)
	}
}
