// Package servertest attacks an [http.Handler] that serves files, in a test.
//
//	func TestFiles(t *testing.T) {
//		servertest.Run(t, func(dir string) http.Handler { return myHandler(dir) }, servertest.Options{
//			Allow: []string{"public/**"},
//		})
//	}
//
// [Run] fills a temporary directory with files that the handler is to serve, files that it is
// not, links, a FIFO and odd names, puts canaries outside, and sends the attacks of package
// probe over raw TCP. Each kind of finding is a subtest; its name is the [probe.Kind].
package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// Options say what the handler promises. The zero value is for a handler that serves all
// files but dotfiles, at the path "/", to everyone.
type Options struct {
	// Allow and Deny are the rules by which the handler serves names, relative to its
	// directory, as patterns of package vfs. Deny overrides Allow. An empty Allow
	// means "**": all names without an element that begins with a dot.
	Allow, Deny []string

	Prefix  string        // the path under which the handler serves the directory, such as "/files"
	Header  http.Header   // sent with each request, for example credentials
	Skip    []probe.Kind  // what the handler does not promise; these subtests are skipped
	Timeout time.Duration // for each response; 0: 5 seconds
}

// Run attacks the handler that the function returns for a directory, and fails t with each
// finding and a curl command that shows the request. It closes the handler's server before it
// returns. A handler may hold the directory open until the end of the test.
func Run(t *testing.T, handler func(dir string) http.Handler, o Options) {
	t.Helper()
	report, err := Attack(t.Context(), t.TempDir(), handler, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range report.NotPlanted {
		t.Log("not planted: " + line)
	}
	for _, result := range report.Results {
		t.Run(string(result.Kind), func(t *testing.T) {
			if result.Verdict == probe.LeftOut {
				t.Skip("left out: " + result.Why)
			}
			for _, f := range result.Findings {
				t.Errorf("%s %s: %s\n%s", f.Method, f.Target, f.What, f.Curl)
			}
			if result.More > 0 {
				t.Errorf("%d more", result.More)
			}
		})
	}
}

// Attack is [Run] without a test: it returns the report. dir is an empty directory, which the
// caller removes.
func Attack(ctx context.Context, dir string, handler func(dir string) http.Handler, o Options) (*probe.Report, error) {
	root := filepath.Join(dir, "www")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, fmt.Errorf("servertest: %w", err)
	}
	tree, err := probe.PlantWhole(root, probe.Rules{Allow: o.Allow, Deny: o.Deny})
	if err != nil {
		return nil, err
	}
	defer tree.Remove()
	// A handler that panics would fill the log; the report has it as a finding.
	srv := httptest.NewUnstartedServer(handler(root))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	defer srv.Close()
	report, err := probe.Run(ctx, srv.URL+o.Prefix, tree, probe.Options{Header: o.Header, Skip: o.Skip, Timeout: o.Timeout})
	return report, errors.Join(err, tree.Remove())
}
