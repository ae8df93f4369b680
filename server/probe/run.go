package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options say how to attack. The zero value is ready to use.
type Options struct {
	Skip    []Kind        // kinds that the server does not promise; the report has them as LeftOut
	Header  http.Header   // sent with each request, for example credentials; Host replaces that of the URL
	Rate    int           // at most so many requests per second; 0: no limit
	Timeout time.Duration // for each response; 0: 5 seconds

	// Dial opens the connections; nil is a [net.Dialer]. It decides which address a name
	// stands for. No other host is ever asked: redirects are not followed.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// ErrOtherTree is returned by Check if the server does not serve the tree.
var ErrOtherTree = errors.New("the server does not serve the planted tree")

// errStopped ends a run early: the server no longer answers.
var errStopped = errors.New("probe: the server no longer answers")

// Run attacks the server at base, an http or https URL with the path under which it serves
// the directory that t was planted in. It returns an error if base is none, if ctx ends, if
// no connection can be made to begin with, or if the server, by 429, asks for more than two
// minutes of patience in all; it comes with what was found before. A server that answers no
// more during the run is a finding, and what was not tried is LeftOut. Two runs over one tree
// at the same time may disturb each other.
func Run(ctx context.Context, base string, t *Tree, o Options) (*Report, error) {
	s, err := newSession(base, t, o)
	if err != nil {
		return nil, err
	}
	defer s.client.close()
	err = s.run(ctx)
	s.report.Requests = s.client.sent
	if errors.Is(err, errStopped) {
		s.report.stopped()
		return s.report, nil
	}
	return s.report, err
}

// Check asks the server for one file of the tree. It returns an error that matches
// [ErrOtherTree] and has the response's status if the answer is not that file, and those of
// Run.
func Check(ctx context.Context, base string, t *Tree, o Options) error {
	s, err := newSession(base, t, o)
	if err != nil {
		return err
	}
	defer s.client.close()
	marker := get(s.path(t.m.Shape.name(markerName)))
	r, err := s.client.do(ctx, marker)
	switch {
	case err != nil:
		return err
	case r.status == 0:
		return fmt.Errorf("%w: %s%s gets no response", ErrOtherTree, s.client.base.Host, printable(marker.target))
	case r.status != http.StatusOK || !slices.Contains(t.m.tokens(r.body), 0):
		return fmt.Errorf("%w: %s%s gets %d, not the file that was planted", ErrOtherTree, s.client.base.Host, printable(marker.target), r.status)
	}
	return nil
}

// Count returns the number of requests that Run sends if it finds nothing.
func Count(base string, t *Tree, o Options) (int, error) {
	s, err := newSession(base, t, o)
	if err != nil {
		return 0, err
	}
	n := 0
	s.send = func(context.Context, request) (reply, error) {
		n++
		return reply{status: http.StatusNotFound, header: http.Header{}}, nil
	}
	s.look, s.rest = func() bool { return false }, func(context.Context) {}
	err = s.run(context.Background())
	return n, err
}

// A session is one run.
type session struct {
	*Tree
	client *client
	prefix string // the path of the base without its last slash
	report *Report
	skip   []Kind
	silent int // requests without a response

	send func(context.Context, request) (reply, error)
	look func() bool           // releases the reader of a FIFO, if there is one
	rest func(context.Context) // gives the server time to close a file

	elements []string        // of names that nobody can guess; see secretElements
	leaked   map[string]bool // targets whose response has a finding
	double   bool            // paths are decoded twice
}

func newSession(base string, t *Tree, o Options) (*session, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("probe: %q is not an http or https URL without query and user", base)
	}
	if t.jail == nil {
		return nil, errors.New("probe: the tree was not planted")
	}
	c := &client{base: u, dial: o.Dial, header: o.Header.Clone(), timeout: cmp.Or(o.Timeout, 5*time.Second)}
	c.host = cmp.Or(c.header.Get("Host"), u.Host)
	c.header.Del("Host")
	if c.dial == nil {
		c.dial = (&net.Dialer{}).DialContext
	}
	if o.Rate > 0 {
		c.gap = time.Second / time.Duration(o.Rate)
	}
	s := &session{
		Tree: t, client: c, prefix: strings.TrimRight(u.EscapedPath(), "/"), skip: o.Skip, leaked: map[string]bool{},
		elements: t.secretElements(),
		report:   &Report{URL: base, NotPlanted: t.m.Not},
		send:     c.do, look: t.releaseFIFO, rest: func(ctx context.Context) { wait(ctx, 250*time.Millisecond) },
	}
	for _, k := range kinds {
		res := Result{Kind: k, Verdict: Holds}
		if slices.Contains(o.Skip, k) {
			res.Verdict, res.Why = LeftOut, "skipped"
		} else if why := t.lacks(k); why != "" {
			res.Verdict, res.Why = LeftOut, why
		}
		s.report.Results = append(s.report.Results, res)
	}
	return s, nil
}

// lacks says why the tree has nothing with which to find a kind, "" if it has.
func (t *Tree) lacks(k Kind) string {
	any := func(match func(f file) bool) bool { return slices.ContainsFunc(t.m.Files, match) }
	switch {
	case k == Escape && t.outsideFile() == "":
		return "no canary could be planted outside the directory"
	case k == Hidden && !any(func(f file) bool { return !f.Absent && t.refuses(f.Name) && !dotted(f.Name) }):
		return "the rules let all names through but dotfiles"
	case k == Dotfile && !any(func(f file) bool { return !f.Absent && t.refuses(f.Name) && dotted(f.Name) }):
		return "the rules let dotfiles through"
	case k == Symlink && len(t.m.Links) == 0:
		return "no link could be planted"
	case k == DoubleDecode && (!t.legal(t.m.Shape.name(onceName)) || !t.legal(t.m.Shape.name(decodedName))):
		return "the rules let no name with a percent sign through"
	case k == Sniff && !any(func(f file) bool { return f.Legal && strings.HasPrefix(f.Name, t.m.Shape.Prefix+activeName) }):
		return "the rules let no file through that could be active"
	case (k == Method || k == Range) && !t.legal(t.m.Shape.name(methodName)):
		return "the rules let no further name through"
	}
	return ""
}

func (t *Tree) refuses(name string) bool { return !serves(t.jail, name) }

func (t *Tree) legal(name string) bool {
	return slices.ContainsFunc(t.m.Files, func(f file) bool { return f.Legal && f.Name == name })
}

// dotted reports whether an element of a name begins with a dot.
func dotted(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

// run sends everything. What may stop the server from answering comes last.
func (s *session) run(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		s.askTwiceDecoded, s.askLegal, s.askTable, s.askOutside, s.askHidden, s.askLinks, s.askListings, s.askOracles,
		s.askRedirects, s.askActive, s.askDispositions, s.askRanges, s.askMethods, s.askFIFO,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) skips(k Kind) bool { return slices.Contains(s.skip, k) }

// ask sends a request and reports what no response may have. class is that of the attack
// table, or "".
func (s *session) ask(ctx context.Context, req request, class string) (reply, error) {
	r, err := s.send(ctx, req)
	if errors.Is(err, errUnreachable) && s.client.sent > 1 {
		s.find(Error, req, r, "no connection can be made any more")
		return r, errStopped
	}
	if err != nil {
		return r, err
	}
	s.judge(req, r, class)
	if r.timeout {
		if s.silent++; s.silent >= 3 {
			return r, errStopped
		}
	}
	return r, nil
}

func (s *session) find(k Kind, req request, r reply, format string, args ...any) {
	s.leaked[req.target] = true
	s.report.add(k, Finding{
		What: fmt.Sprintf(format, args...), Method: req.method, Target: printable(req.target), Status: r.status, Curl: curl(s.client.base, s.client.host, req),
	})
}

// path returns the target for a name relative to Dir.
func (s *session) path(name string) string { return s.prefix + "/" + escape(name) }

// escape percent-encodes a name the usual way.
func escape(name string) string { return (&url.URL{Path: name}).EscapedPath() }
