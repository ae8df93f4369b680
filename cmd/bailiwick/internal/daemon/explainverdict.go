package daemon

import (
	"context"
	"fmt"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// refused describes the refusal that a records. rest is the path in the mount.
func (e *Explainer) refused(m *explainedMount, rest string, a *audit.Attempt) explain.Verdict {
	name := rest
	if !a.Name.IsZero() {
		name = a.Name.String()
	}
	v := explain.NewVerdict(name, vfs.Verdict{Op: e.op, Name: a.Name, Reason: a.Reason, Rule: a.Rule})
	switch {
	case e.op == vfs.OpUpload:
		v.AddDetail("upload to the path of a mount that has uploads, with a trailing slash")
	case a.Reason == audit.ReasonMethod && e.op == vfs.OpWrite:
		v.AddDetail("the mount does not accept writes: it has no write: true")
	case a.Reason == audit.ReasonMethod:
		v.AddDetail("the mount does not accept deletions: it has no write: true")
	case a.Reason == reason.Directory && e.op == vfs.OpList && !m.cfg.List:
		v.AddDetail("the mount does not list directories: it has no list: true")
	case a.Reason == reason.Directory && e.op == vfs.OpRead && rest == "":
		v.AddDetail("for a directory, use --op list")
	}
	return v
}

// denied describes a refusal by access rules.
func (e *Explainer) denied(m *explainedMount, name string) explain.Verdict {
	v := explain.NewVerdict(name, vfs.Verdict{Op: e.op, Reason: reason.AuthDenied})
	v.Detail = fmt.Sprintf("no access rule lets %s %s it", cli.Printable(e.principal.String()), e.op)
	if e.principal.Anyone() && m.access != nil && !m.access.Open(e.op) {
		v.AddDetail("the server asks for credentials (401); add --as USER to evaluate for a user")
	}
	return v
}

// allowed adds to the verdict on n the access rule that allows it. owner is the owner of the
// object, nil if there is none. Without a rule that allows n for every owner, none has decided
// on an upload that does not exist.
func (e *Explainer) allowed(m *explainedMount, n vfs.Name, owner *string, v explain.Verdict) explain.Verdict {
	if m.access != nil {
		if rule, ok := m.access.Decide(e.principal, e.op, n, owner); ok {
			v.AddDetail("access rule: " + rule)
		}
	}
	// The configuration of the mount alone does not show this.
	if w := m.cfg.Writer(); w != nil && !m.cfg.Write && e.op == vfs.OpRead {
		v.AddDetail(fmt.Sprintf("content: %s, and clients can write to it by %s", m.cfg.Content, cli.Printable(w.URL())))
	}
	return v
}

// unmounted returns the verdict on a path without a mount.
func (e *Explainer) unmounted(ctx context.Context, path string, decoded bool) (explain.Verdict, error) {
	none, err := emptyJail()
	if err != nil {
		return explain.Verdict{}, err
	}
	v := explain.Evaluate(ctx, none, nil, vfs.OpRead, path, decoded)
	if v.Reason == reason.PolicyNoAllow || path == "" {
		v.Reason, v.Detail = reason.PolicyNoAllow, "no mount is at this path"
		if e.host == "" {
			for i := range e.cfg.Mounts {
				if e.cfg.Mounts[i].Host != "" {
					v.AddDetail("for the mounts of a host, add --host")
					break
				}
			}
		}
	}
	return v, nil
}

// addSource adds to the verdict on n, which exists, which of several sources has it.
func (e *Explainer) addSource(ctx context.Context, m *explainedMount, n vfs.Name, v *explain.Verdict) {
	if m.cfg.Sources == nil || e.op == vfs.OpList {
		return
	}
	var answer driver.Answer
	ctx = driver.WithAnswer(ctx, &answer)
	if e.op == vfs.OpRead { // perhaps through a link
		_, _ = m.jail.Head(ctx, n, vfs.Request{})
	} else {
		_, _ = m.source.Stat(ctx, n, vfs.Request{})
	}
	if detail := m.sourceOf(answer.Layer); detail != "" {
		v.AddDetail(detail)
	}
}

// sourceOf says which of several sources has an object, "" if there is only one or none has
// it.
func (m *mount) sourceOf(layer int) string {
	if m.cfg.Sources == nil || layer == 0 {
		return ""
	}
	return explain.SourceDetail(sourceNames(m.cfg), layer)
}
