// Package server serves a [vfs.Jail] over HTTP.
//
// [New] returns a plain [http.Handler]. It answers GET, HEAD and OPTIONS, with ranges,
// preconditions, content types and directory listings, and with the same 404 for every name
// that is missing, hidden or refused:
//
//	http.Handle("/", server.New(jail, server.Config{}))
//
// Below a prefix, strip it first, since the handler takes the whole path for the name:
//
//	http.Handle("/files/", http.StripPrefix("/files", server.New(jail, cfg)))
//	gorilla.Mount(router, "/files", server.New(jail, cfg)) // server/gorilla, for gorilla/mux
//
// [SendFile] answers a request with one object, from a handler of your own. [NewUploads]
// stores files under names that the server makes. [Limit], around any handler, bounds
// requests and trusts X-Forwarded-For from trusted proxies; nothing else in this package
// trusts such a header. Package audit has the records of requests.
//
// # Authentication and authorization
//
// [Config.Auth] authenticates requests, by an auth.Authenticator and signed links. Access
// rules authorize them: they are set in the jail, as vfs.Policy.Authorize, and nowhere
// else. The handler takes from there when to send 401 and what caches may keep. Without
// Auth every caller is anonymous. New refuses Auth with credentials over a jail without
// rules, since everybody would be let in.
//
// # Writing
//
// With [Config.Write] the handler also answers PUT and DELETE:
//
//	201, 204  PUT created or replaced an object; ETag is that of the new version
//	204       DELETE removed it
//	400       a Content-Range, or a malformed body
//	404       the name is not allowed, or DELETE found nothing; directories; a request
//	          that a page of another site made a browser send
//	408       the body came too slowly
//	409       an object or directory that the client may see differs only in case or
//	          normal form
//	412       If-Match, If-None-Match or If-Unmodified-Since is false or malformed; a PUT
//	          with If-Match or If-Unmodified-Since replaces, and there is nothing
//	413, 415  the body is too large; its type is not accepted, or it is encoded
//	422       the name is allowed, but not every system can create it; or the Inspector
//	          rejected the body
//	503, 507  try again later; no space left
//
// After any other status than 201 and 204, nothing has changed. A client that disconnects in
// the middle of its body gets no response.
//
// Over HTTP/1, if the response is decided before the body has ended, the rest of the body is
// read and thrown away: up to 64 MiB and 10 seconds, for at most 64 requests of a handler at
// a time. Otherwise clients that first send the whole body would see a broken connection
// instead of the response.
//
// # Limits of this package
//
// It sets no timeouts except for bodies (http.Server does), compresses nothing on the fly,
// and has neither sessions nor a log-in page. The router of a program comes first: those of
// net/http and gorilla redirect paths such as /a/../b and //a to a clean path, by the path
// alone, without checking what exists.
//
// A response that cannot be completed ends in panic(http.ErrAbortHandler), by which net/http
// closes the connection. Middleware must not recover from it, or a truncated body looks
// complete.
//
// The constructors panic, with a text that says what to change, if a configuration makes no
// sense, such as a nil jail or a negative time.
//
// # Headers of middleware
//
// Middleware may set headers before it calls a handler of this package: they stay, and the
// handler adds to Vary. But headers that describe an object (Content-Encoding, Content-Type,
// ETag, Last-Modified, Cache-Control and the like) are removed from responses that are not
// objects, and from objects if they would contradict what preconditions and ranges are
// evaluated by. A 200 or 206 keeps Content-Encoding, Content-Language, Content-Disposition,
// Content-Location, Expires and Repr-Digest if the server has none of its own. Middleware
// that compresses has to set Content-Encoding when the header is written, as most does, and
// not before.
//
// # Tracing
//
// OpenTelemetry is a wrapper around the handler, inside the router:
//
//	traced := otelhttp.NewHandler(server.New(jail, cfg), "files",
//		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
//		otelhttp.WithSpanOptions(trace.WithAttributes(attribute.String("url.path", ""))))
//	gorilla.Mount(router, "/files/{tenant}", traced)
//
// Spans are then called "GET /files/{tenant}/", by r.Pattern, which gorilla.Mount sets to the
// route's template: span names contain no file names. With net/http's mux it is
// mux.Handle("/files/", otelhttp.NewHandler(http.StripPrefix("/files", handler), …)).
// Around a gorilla router, which passes on a copy of the request, otelhttp sees no pattern,
// and all spans are called "GET".
//
// By default a span has the path, and so the file name, as its attribute url.path. The last
// option removes it: the later of two values counts. The query, which has the signature of a
// link, is in no attribute. But client.address is what the client writes into
// X-Forwarded-For. Without the option before it, strangers choose the trace of a span, and
// whether it is kept.
//
// The span of a body sent from a local file has no size, since sendfile bypasses otelhttp. A
// response that broke off has no status, and an event of net/http's abort.
package server
