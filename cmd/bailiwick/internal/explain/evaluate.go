package explain

import (
	"context"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// EvaluateWritten is Evaluate for a name from the command line. If it is a part of a URL,
// a query after a question mark is cut off, as a server would.
func EvaluateWritten(ctx context.Context, jail *vfs.Jail, source vfs.Backend, op vfs.Op, written string, decoded bool) Verdict {
	path, _, query := strings.Cut(written, "?")
	if decoded || !query {
		return Evaluate(ctx, jail, source, op, written, decoded)
	}
	v := Evaluate(ctx, jail, source, op, path, false)
	v.AddDetail(QueryIsNoName)
	return v
}

// QueryIsNoName is the detail of a verdict on a name with a query.
const QueryIsNoName = "the query is not part of the name; write %3F for a ? in a name"

// Evaluate returns the verdict on a name from the command line: that of the rules, and if
// they allow it, that of the object which the source of the jail has there. A name stays
// allowed if there is no object.
func Evaluate(ctx context.Context, jail *vfs.Jail, source vfs.Backend, op vfs.Op, written string, decoded bool) Verdict {
	n, err := cli.ParseWritten(op, written, decoded)
	if err != nil {
		v := NewVerdict(written, vfs.Verdict{Op: op, Reason: vfs.ReasonOf(err)})
		if op == vfs.OpRead && v.Reason == reason.NameSlash && strings.HasSuffix(written, "/") {
			v.Detail += "; for a directory, use --op list"
		}
		return v
	}
	verdict := jail.Explain(ctx, op, n)
	if !verdict.Allowed {
		return NewVerdict(n.String(), verdict)
	}
	var answer driver.Answer
	ctx = driver.WithAnswer(ctx, &answer)
	switch op {
	case vfs.OpRead:
		_, err = jail.Head(ctx, n, vfs.Request{})
	case vfs.OpList:
		err = jail.HeadDir(ctx, n)
	case vfs.OpWrite, vfs.OpDelete:
		// Write access does not imply read access, and no write goes through a link, even
		// if the policy allows reads through it.
		_, err = source.Stat(ctx, n, vfs.Request{})
	}
	why := vfs.ReasonOf(err)
	if writes := op == vfs.OpWrite || op == vfs.OpDelete; writes && why == reason.Permission {
		why, err = "", nil // the credentials may only write
	}
	if why != "" && why != reason.Missing {
		v := NewVerdict(n.String(), vfs.Verdict{Op: op, Name: n, Reason: why})
		v.layer = answer.Layer
		return v
	}
	v := NewVerdict(n.String(), verdict)
	v.layer = answer.Layer
	switch {
	case why == reason.Missing && op == vfs.OpList:
		v.Detail = "there is no such directory now"
	case why == reason.Missing:
		v.Detail = "there is no such object now"
	case err != nil:
		v.Detail = "the rules allow it, but the request to the source failed"
	}
	return v
}
