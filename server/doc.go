// Package server serves a [vfs.Jail] over HTTP.
//
// [New] makes a plain [http.Handler]. It answers GET, HEAD and OPTIONS; ranges,
// preconditions, content types, directory listings, and one 404 for all that is
// missing, hidden or refused:
//
//	http.Handle("/", server.New(jail, server.Config{}))
//
// It takes the whole path of a request for the name. Below a prefix, take that
// off first, in one of these ways:
//
//	http.Handle("/files/", http.StripPrefix("/files", server.New(jail, cfg)))
//	server.Mount(router, "/files", server.New(jail, cfg)) // gorilla/mux
//
// [SendFile] answers a request with one object, from within a handler of one's
// own.
//
// What it does not do: it asks nobody who he is (vfs.Policy.Authorize can, from
// the request's context), limits no rates and sets no timeouts (http.Server
// does), compresses nothing on the fly, and trusts no X-Forwarded header.
// A host's router comes before it: net/http's and gorilla's both answer paths
// such as /a/../b and //a with a redirect to a clean path, from the path alone,
// without a look at what exists.
//
// An answer that cannot be completed ends in panic(http.ErrAbortHandler), by
// which net/http closes the connection. Middleware has to let it through, or a
// cut body looks whole.
package server
