package main

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A verdict is a line of what explain and scan print.
type verdict struct {
	Name    string     `json:"name"`
	Verdict string     `json:"verdict"` // "allowed" or "refused"
	Reason  vfs.Reason `json:"reason,omitempty"`
	Rule    string     `json:"rule,omitempty"` // the pattern that allowed or denied it
	Detail  string     `json:"detail,omitempty"`
	Size    *int64     `json:"size,omitempty"`
	// Beneath is the object above that has a directory's name, see vfs.Finding.
	Beneath string `json:"beneath,omitempty"`
}

// newVerdict puts v into words. The name is the one to show.
func newVerdict(name string, v vfs.Verdict) verdict {
	if v.Allowed {
		return verdict{Name: name, Verdict: "allowed", Rule: v.Rule}
	}
	out := verdict{Name: name, Verdict: "refused", Reason: v.Reason, Detail: v.Reason.Detail()}
	switch v.Reason {
	case reason.PolicyDeny:
		out.Rule = v.Rule
		out.Detail += ": " + v.Rule
	case reason.PolicyDotfile:
		out.Detail += "; but for that, " + v.Rule + " would let it through"
	}
	return out
}

// also adds to the detail.
func (v *verdict) also(detail string) {
	if v.Detail != "" {
		v.Detail += "; "
	}
	v.Detail += detail
}

// columns returns the line for people: the verdict, the name, the rule that
// allowed it or the reason why it was refused, and what else there is to say.
func (v *verdict) columns() []string {
	cols := []string{v.Verdict, v.Name, v.Rule}
	if v.Reason != "" {
		cols[2] = string(v.Reason)
	}
	if v.Detail != "" {
		cols = append(cols, v.Detail)
	}
	return cols
}

// write prints v on out.
func (v verdict) write(out *cli.LineWriter, asJSON bool) {
	if !asJSON {
		out.Columns(v.columns()...)
		return
	}
	v.Name, v.Rule, v.Detail, v.Beneath = cli.JSONText(v.Name), cli.JSONText(v.Rule), cli.JSONText(v.Detail), cli.JSONText(v.Beneath)
	out.JSON(v)
}
