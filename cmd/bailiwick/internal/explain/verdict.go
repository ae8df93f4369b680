package explain

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Verdict is a line of the output of explain and scan.
type Verdict struct {
	Name    string     `json:"name"`
	Verdict string     `json:"verdict"` // "allowed" or "refused"
	Reason  vfs.Reason `json:"reason,omitempty"`
	Rule    string     `json:"rule,omitempty"` // the pattern that allowed or denied it
	Detail  string     `json:"detail,omitempty"`
	Size    *int64     `json:"size,omitempty"`
	// Beneath is the object whose name is a directory above this one; see vfs.Finding.
	Beneath string `json:"beneath,omitempty"`

	layer int // which of several sources has the object, from 1; 0 if there is one source
}

// NewVerdict describes v. The name is the one to print.
func NewVerdict(name string, v vfs.Verdict) Verdict {
	if v.Allowed {
		return Verdict{Name: name, Verdict: "allowed", Rule: v.Rule}
	}
	out := Verdict{Name: name, Verdict: "refused", Reason: v.Reason, Detail: v.Reason.Detail()}
	switch v.Reason {
	case reason.PolicyDeny:
		out.Rule = v.Rule
		out.Detail += ": " + v.Rule
	case reason.PolicyDotfile:
		out.Detail += "; apart from that dot, " + v.Rule + " matches"
	}
	return out
}

// NewFinding describes what a scan found.
func NewFinding(f vfs.Finding) Verdict {
	v := NewVerdict(f.Path, f.Verdict)
	v.Size, v.Beneath, v.layer = &f.Size, f.Beneath, f.Layer
	return v
}

// AddSource appends to the detail which of several sources the verdict is about.
func (v *Verdict) AddSource(sources []string) {
	if v.layer > 0 {
		v.AddDetail(SourceDetail(sources, v.layer))
	}
}

// SourceDetail says which of several sources has an object. layer counts from 1.
func SourceDetail(sources []string, layer int) string { return "in " + sources[layer-1] }

// AddDetail appends to the detail.
func (v *Verdict) AddDetail(detail string) {
	if v.Detail != "" {
		v.Detail += "; "
	}
	v.Detail += detail
}

// columns returns the columns of the line: the verdict, the name, the rule that allowed it
// or the reason of the refusal, and the detail if there is one.
func (v *Verdict) columns() []string {
	cols := []string{v.Verdict, v.Name, v.Rule}
	if v.Reason != "" {
		cols[2] = string(v.Reason)
	}
	if v.Detail != "" {
		cols = append(cols, v.Detail)
	}
	return cols
}

// Write prints v as a line of columns, or of JSON.
func (v Verdict) Write(out *cli.LineWriter, asJSON bool) {
	if !asJSON {
		out.Columns(v.columns()...)
		return
	}
	v.Name, v.Rule, v.Detail, v.Beneath = cli.JSONText(v.Name), cli.JSONText(v.Rule), cli.JSONText(v.Detail), cli.JSONText(v.Beneath)
	out.JSON(v)
}
