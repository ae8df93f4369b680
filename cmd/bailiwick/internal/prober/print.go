package prober

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// Print writes a line for each kind: the verdict, the kind, and for a finding what it is, how
// many more there are, and a command that shows it.
func Print(out *cli.LineWriter, report *probe.Report) {
	for _, r := range report.Results {
		switch {
		case r.Verdict == probe.LeftOut:
			out.Columns(string(r.Verdict), string(r.Kind), r.Why)
		case len(r.Findings) == 0:
			out.Columns(string(r.Verdict), string(r.Kind))
		default:
			what := r.Findings[0].What
			if more := len(r.Findings) - 1 + r.More; more > 0 {
				what += " (and " + cli.Count(more, "more finding") + ")"
			}
			out.Columns(string(r.Verdict), string(r.Kind), what, r.Findings[0].Curl)
		}
	}
}

// Summary counts the verdicts in one line.
func Summary(report *probe.Report) string {
	var holds, left int
	var found []string
	for _, r := range report.Results {
		switch r.Verdict {
		case probe.Holds:
			holds++
		case probe.LeftOut:
			left++
		default:
			found = append(found, string(r.Kind))
		}
	}
	text := "nothing found"
	if len(found) > 0 {
		text = "found: " + strings.Join(found, ", ")
	}
	text += "; " + cli.Count(holds, "kind") + " held"
	if left > 0 {
		text += ", " + cli.Count(left, "kind") + " left out"
	}
	return text + ", after " + cli.Count(report.Requests, "request")
}
