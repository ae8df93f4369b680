package vfs

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Verdict is a Jail's decision on an operation and a name.
type Verdict struct {
	Op      Op
	Name    Name
	Allowed bool
	Rule    string // the pattern that allowed or denied it, "" if none did
	Reason  Reason // why it was refused, "" if it was allowed
	cause   error  // Authorize's error
}

// admit makes the decision on every operation; nothing else does. It does not call the
// backend, and it calls Authorize only for what the patterns allow.
func (j *Jail) admit(ctx context.Context, op Op, n Name) Verdict {
	v := Verdict{Op: op, Name: n}
	if j.rules == nil { // not made by New
		v.Reason = reason.PolicyNoAllow
		return v
	}
	if v.Rule, v.Reason = j.rules.evaluate(op, n); v.Reason != "" {
		return v
	}
	if j.authorize != nil {
		if err := j.authorize.Authorize(ctx, op, n); err != nil {
			v.Reason, v.cause = reason.AuthDenied, err
			return v
		}
	}
	// This comes last: only callers who may write the name may learn why it is refused.
	if op == OpWrite || op == OpUpload {
		if why := checkCreate(n); why != "" {
			v.Rule, v.Reason = "", why
			return v
		}
	}
	v.Allowed = true
	return v
}

// Explain returns the verdict on op and n without I/O. An allowed name need not exist,
// and a symbolic link or special file under an allowed name is refused only when it is
// opened.
func (j *Jail) Explain(ctx context.Context, op Op, n Name) Verdict {
	return j.admit(ctx, op, n)
}

// err returns the error that callers get for a refusal, or nil if v allows.
func (v *Verdict) err(op string) error {
	if v.Allowed {
		return nil
	}
	e := refuse(op, v.Name.String(), v.Reason)
	e.Rule = v.Rule
	if v.cause != nil {
		e.Err = errors.Join(e.Err, v.cause)
	}
	return e
}
