// Package server serves a [vfs.Jail] over HTTP.
//
// [New] returns a plain [http.Handler]. It answers GET, HEAD and OPTIONS, with ranges,
// preconditions, content types and directory listings, and with the same 404 for every name
// that is missing, hidden or refused:
//
//	http.Handle("/", server.New(jail, server.Config{}))
//
// The handler uses the whole path as the name. To mount it below a prefix, strip the prefix:
//
//	http.Handle("/files/", http.StripPrefix("/files", server.New(jail, cfg)))
//	gorilla.Mount(router, "/files", server.New(jail, cfg)) // server/gorilla, for gorilla/mux
//
// [SendFile] answers a request with one object, from a handler of your own. [NewUploads]
// stores files under generated names. [Limit] wraps any handler: it bounds requests and
// accepts X-Forwarded-For from trusted proxies, a header that nothing else in this package
// uses. Package audit defines the records of requests.
//
// # Authentication and authorization
//
// [Config.Auth] authenticates requests, by an auth.Authenticator and signed links. Without
// it, every caller is anonymous. Access rules authorize requests. They are set in one place,
// vfs.Policy.Authorize of the jail, or [UploadConfig.Authorize] for uploads; the handler
// derives from them when to send 401 and what caches may store. The constructors panic if
// Auth accepts credentials and there are no rules, which would let everybody in.
//
// # Writing
//
// With [Config.Write] the handler also answers PUT, DELETE, COPY and MOVE:
//
//	201, 204  PUT created or replaced an object; ETag is that of the new version
//	204       DELETE removed it
//	201, 204  COPY or MOVE created or replaced the Destination
//	400       a Content-Range, or a malformed body, Destination, Overwrite or If
//	403       the Destination is the object itself
//	404       the name is not allowed, or DELETE found no object; directories; a request
//	          that a page of another site made a browser send
//	408       the body was sent too slowly
//	409       an existing object or directory, which the client may see, differs from the
//	          new name only in case or Unicode normal form; or a COPY or MOVE cannot store
//	          the object under the Destination as it is
//	412       If-Match, If-None-Match or If-Unmodified-Since is false or malformed; also a
//	          PUT with If-Match or If-Unmodified-Since, if there is no object to replace
//	413, 415  the body is too large; its type is not accepted, or it has a Content-Encoding
//	422       the name is allowed, but some systems cannot create it; or the Inspector
//	          rejected the body
//	503, 507  try again later; no space left
//
// After any other status than 201 and 204, nothing has changed, with two exceptions. After a
// 503 over S3 if S3 did not answer, the change may have been made. And a MOVE that copies can
// fail at the removal, with a 503 if the object was replaced meanwhile, or with a 500 if the
// store cannot remove it: then it has not lost its name, and the Destination has the copy. A client that disconnects in the middle of its
// body gets no response.
//
// COPY and MOVE fail with 409, before they change anything, if the object is stored with a
// content coding that the backend cannot store under the Destination, if it has no ETag, or if
// both names lead to it.
//
// After an early response over HTTP/1, the rest of the body is read and discarded: up to
// 64 MiB and 10 seconds, for at most 64 requests of a handler at a time. Otherwise clients
// that send the whole body first would see a broken connection instead of the response.
//
// POST to a directory, with a path that ends in a slash, is for forms. One of type
// multipart/form-data stores each of its files under its own name, all of them or none:
//
//	201, 200  all are stored: 201 if some names are new, 200 if none is: {"files":[{"name","size","etag"}]}
//	409       two files have the same name, or names as above
//	412       an object exists, and the field replace is not 1 or on; or it does not have the
//	          version in the field etag, which is for a form with a single file
//	4xx, 5xx  as for a PUT of the first file that was refused, with {"files":[…]} of all that
//	          were: {"name","status","error"}, and with 412 the etag of the existing version
//
// The files are received into temporary files and judged before the first is stored. If one
// cannot be stored after all, those that the form has created are removed again, in that version;
// what it has replaced stays so, and the response lists that. It shortens names that no object
// can have, since they have more than 255 bytes.
//
// One of type application/x-www-form-urlencoded does what a DELETE, COPY or MOVE does, with the
// fields action (delete, copy or move), name, to, etag and replace. A form whose Accept prefers
// text/html is answered with a page, and after an action with a 303 to the directory.
//
// # Archives
//
// With [Config.List], GET /dir/?zip is a zip archive of what the caller could list and open
// below the directory, or with name, repeated for several, of some of its entries: 413 if it has
// more than Archives.Entries objects, 503 if all Archives.Slots are taken, or two of them by
// the same client. If something changes or fails after the header, or if a client reads slowly while all
// slots are taken, the handler panics as below.
//
// # Limits of this package
//
// It sets no timeouts except for bodies (http.Server does), compresses nothing on the fly,
// and leaves sessions and sign-in pages to package signin. Your router acts before the
// handler: those of net/http and gorilla redirect paths such as /a/../b and //a to a clean path, by the path
// alone, without checking what exists.
//
// If a response cannot be completed, the handler panics with http.ErrAbortHandler, and
// net/http closes the connection. Middleware must not recover from this panic, or a truncated
// body looks complete.
//
// The constructors panic if a configuration makes no sense, such as a nil jail or a negative
// time. The message says what to change.
//
// # Headers of middleware
//
// Middleware may set headers before it calls a handler of this package. They are kept, and
// the handler adds to Vary. But headers that describe an object (Content-Encoding,
// Content-Type, ETag, Last-Modified, Cache-Control and the like) are removed: the response
// may not be that object, and preconditions and ranges are evaluated with the server's own
// values. Only a 200 or 206 keeps Content-Encoding, Content-Language,
// Content-Disposition, Content-Location, Expires and Repr-Digest, unless the server sets its
// own. Compressing middleware must set Content-Encoding when the header is written, as most
// does, and not before.
//
// # Tracing
//
// For OpenTelemetry, wrap the handler, inside the router:
//
//	traced := otelhttp.NewHandler(server.New(jail, cfg), "files",
//		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
//		otelhttp.WithSpanOptions(trace.WithAttributes(attribute.String("url.path", ""))))
//	gorilla.Mount(router, "/files/{tenant}", traced)
//
// The span's name is then "GET /files/{tenant}/", from r.Pattern, which gorilla.Mount sets to
// the route's template. It contains no file name. With net/http's mux, use
// mux.Handle("/files/", otelhttp.NewHandler(http.StripPrefix("/files", handler), …)). Do not
// wrap a gorilla router: it passes on a copy of the request, so otelhttp sees no pattern and
// calls all spans "GET".
//
// By default, the attribute url.path of a span contains the file name. The last option
// overrides it with an empty value. No attribute contains the query, which has the signature
// of a link. But client.address is taken from X-Forwarded-For, which clients can forge.
// Without WithPublicEndpointFn, clients choose the trace of a span, and whether it is kept.
//
// The span of a body sent from a local file has no size, since sendfile bypasses otelhttp.
// The span of an aborted response has no status, and an event for net/http's panic.
package server
