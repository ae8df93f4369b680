// Package server serves a [vfs.Jail] over HTTP.
//
// [New] makes a plain [http.Handler]. It answers GET, HEAD and OPTIONS; ranges,
// preconditions, content types, directory listings, and one 404 for all that is
// missing, hidden or refused:
//
//	http.Handle("/", server.New(jail, server.Config{}))
//
// With Config.Write it answers PUT and DELETE, too:
//
//	201, 204  PUT made an object, or replaced one; ETag is that of the new version
//	204       DELETE removed it
//	400       a Content-Range, or a malformed body
//	404       the name is not allowed, or DELETE found nothing; directories; a request
//	          that a page of another site made a browser send
//	408       the body came too slowly
//	409       an object or directory that is shown to the client differs in case or normal
//	          form only
//	412       If-Match, If-None-Match or If-Unmodified-Since does not hold, or cannot
//	          be understood; a PUT with If-Match or If-Unmodified-Since replaces, and
//	          there is nothing
//	413, 415  the body is too large; of a type that is not taken in, or coded
//	422       the name is allowed, but cannot be created on every system; or the
//	          Inspector rejected the body
//	503, 507  to be tried again later; no room
//
// Whatever the answer but 201 and 204, nothing has changed. A client that breaks
// off in its body gets no answer.
//
// Over HTTP/1 a body that is still coming when the answer is known is read on and thrown
// away, up to 64 MiB and 10 seconds, by at most 64 requests of a handler at a time: else
// clients that send all of it first would see a broken connection and no answer.
//
// It takes the whole path of a request for the name. Below a prefix, take that
// off first, in one of these ways:
//
//	http.Handle("/files/", http.StripPrefix("/files", server.New(jail, cfg)))
//	gorilla.Mount(router, "/files", server.New(jail, cfg)) // server/gorilla, for gorilla/mux
//
// [SendFile] answers a request with one object, from within a handler of one's
// own.
//
// [Config.Auth] authenticates requests, by an auth.Authenticator and signed links. Access
// rules authorize them: they are set in the jail, as vfs.Policy.Authorize, and nowhere
// else. The handler takes from there when to send 401 and what caches may keep. Without
// Auth every caller is anonymous. New refuses Auth with credentials over a jail without
// rules, since everybody would be let in.
//
// The constructors of this package panic with a clear text where a configuration makes no
// sense, such as a nil jail or a negative time, and serve nothing.
//
// [NewUploads] takes files under names that the server makes. [Limit], before any handler of this package,
// bounds requests and believes X-Forwarded-For of trusted proxies; nothing else
// here trusts such a header.
//
// What it does not do: it sets no timeouts but for bodies (http.Server does),
// compresses nothing on the fly, and has no sessions and no pages to log in. A
// host's router comes before it: net/http's and gorilla's both answer paths such
// as /a/../b and //a with a redirect to a clean path, from the path alone, without
// a look at what exists.
//
// An answer that cannot be completed ends in panic(http.ErrAbortHandler), by
// which net/http closes the connection. Middleware has to let it through, or a
// cut body looks whole.
//
// # Headers of middleware
//
// A handler around this one may set headers before it calls it: they stay, and Vary
// is added to. But what describes an object (Content-Encoding, Content-Type, ETag,
// Last-Modified, Cache-Control and the like) is taken out of every answer that is none, and
// out of one that is, where it would contradict what preconditions and ranges are decided
// by. A 200 or 206 keeps Content-Encoding, Content-Language, Content-Disposition,
// Content-Location, Expires and Repr-Digest where the server has none of its own.
// Middleware that compresses has to set Content-Encoding when the header is written, as
// most does, and not before.
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
// route's template, so names of files stay out of their names. With net/http's mux it is
// mux.Handle("/files/", otelhttp.NewHandler(http.StripPrefix("/files", handler), …)).
// Around a gorilla router, which hands on a copy of the request, otelhttp sees no
// pattern, and all spans are called "GET".
//
// By default a span has the path, and so the file's name, as its attribute url.path. The
// last option leaves it out: of two values the later counts. The query, where the
// signature of a link is, is in no attribute. But client.address is what the client
// itself says in X-Forwarded-For. Without the option before it, strangers choose the
// trace that a span belongs to, and whether it is kept.
//
// A body that is sent from a local file has no size there, since it goes past otelhttp.
// An answer that broke off has no status, and an event of net/http's abort.
package server
