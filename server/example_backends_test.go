package server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// siteHandler returns the handler of a site whose files are in a backend. All access
// decisions are made here, so they are the same in tests and in production.
func siteHandler(files vfs.Backend) (http.Handler, error) {
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns("**/*.html"), Deny: vfs.Patterns("drafts")})
	if err != nil {
		return nil, err
	}
	return server.New(jail, server.Config{}), nil
}

// production opens the source that the operator configured: a directory or a bucket, such
// as "s3://bucket/site?region=eu-central-1".
func production(ctx context.Context) (http.Handler, error) {
	source, err := backends.Open(ctx, os.Getenv("SITE"), backends.Options{})
	if err != nil {
		return nil, err
	}
	return siteHandler(source.Backend)
}

// A test replaces the bucket of production by files in memory.
func Example_backends() {
	_ = production // needs a source

	files, err := mem.FromMap(map[string]string{"index.html": "<h1>Hello</h1>", "drafts/plan.html": "…"})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := siteHandler(files)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(handler, "/index.html")
	show(handler, "/drafts/plan.html")
	// Output:
	// /index.html 200 <h1>Hello</h1>
	// /drafts/plan.html 404 not found
}
