package probe

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A Report is the result of a run. It has a Result for each kind, in the order of [Kinds].
type Report struct {
	URL      string   `json:"url"`      // what was attacked
	Requests int      `json:"requests"` // how many requests were sent
	Results  []Result `json:"results"`

	// NotPlanted says what the tree lacks, a line each, for example that the system has no
	// FIFOs.
	NotPlanted []string `json:"not_planted,omitempty"`
}

// A Verdict is the outcome for one kind.
type Verdict string

// The verdicts.
const (
	Holds   Verdict = "holds"
	Found   Verdict = "finding"
	LeftOut Verdict = "left out" // skipped, or the tree has nothing to find it with
)

// A Result says what was found of one kind.
type Result struct {
	Kind     Kind      `json:"kind"`
	Verdict  Verdict   `json:"verdict"`
	Why      string    `json:"why,omitempty"` // why it was left out
	Findings []Finding `json:"findings,omitempty"`
	More     int       `json:"more,omitempty"` // further findings, not kept
}

// A Finding is a response that should not have been.
type Finding struct {
	What   string `json:"what"`   // what is wrong with the response
	Method string `json:"method"` // the request
	Target string `json:"target"` // its target as sent; bytes that are not UTF-8 are \x escapes
	Status int    `json:"status"` // of the response; 0 if there was none
	Curl   string `json:"curl"`   // a shell command that repeats the request; credentials are left out
}

// Found reports whether there is a finding of any kind.
func (r *Report) Found() bool {
	return slices.ContainsFunc(r.Results, func(k Result) bool { return k.Verdict == Found })
}

// maxFindings is the number of findings that a Result keeps.
const maxFindings = 10

func (r *Report) add(k Kind, f Finding) {
	for i := range r.Results {
		res := &r.Results[i]
		switch {
		case res.Kind != k || res.Verdict == LeftOut || slices.Contains(res.Findings, f):
		case len(res.Findings) < maxFindings:
			res.Verdict = Found
			res.Findings = append(res.Findings, f)
		default:
			res.More++
		}
	}
}

// stopped leaves out what the run did not get to.
func (r *Report) stopped() {
	for i := range r.Results {
		if res := &r.Results[i]; res.Verdict == Holds {
			res.Verdict, res.Why = LeftOut, "the server stopped answering"
		}
	}
}

// curl returns the shell command for a request.
func curl(base *url.URL, host string, req request) string {
	var b strings.Builder
	b.WriteString("curl --path-as-is -g -i")
	switch req.method {
	case http.MethodGet:
	case http.MethodHead:
		b.WriteString(" -I")
	default:
		b.WriteString(" -X " + req.method)
	}
	if host != base.Host {
		b.WriteString(" -H " + shellWord("Host: "+host))
	}
	for _, name := range slices.Sorted(maps.Keys(req.header)) {
		for _, v := range req.header[name] {
			b.WriteString(" -H " + shellWord(name+": "+v))
		}
	}
	if req.body != "" {
		b.WriteString(" --data-binary " + shellWord(req.body))
	}
	b.WriteString(" " + shellWord(base.Scheme+"://"+base.Host+req.target))
	return b.String()
}

// shellWord quotes s for a shell. With bytes that are not printable ASCII it uses $'…',
// which POSIX has had since 2024.
func shellWord(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// printable returns s with everything but printable characters escaped.
func printable(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// maxQuoted is how many bytes of a value of a response a finding quotes.
const maxQuoted = 200

// clip returns s, or its beginning.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return s[:maxQuoted] + "…"
}
