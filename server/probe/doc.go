// Package probe attacks an HTTP server that serves files, over raw TCP, and reports what it
// gives away. [Plant] makes a tree for it: files that the server is to serve, files that it
// is not, links, a FIFO, and canaries outside. [Run] asks the server for them in the ways
// of the attack table (vfs/attacks) and in those that only HTTP has.
//
// Package servertest does both for an [net/http.Handler] in a test, and the command
// "bailiwick probe" for a server that runs.
//
// What is found has a stable name, a [Kind]:
//
//   - [Escape]: bytes from outside the directory, or names there
//   - [Hidden]: bytes of a file that the rules do not let through
//   - [Dotfile]: bytes of a file whose name has an element that begins with a dot, which no
//     pattern spells
//   - [Symlink]: bytes that only a symbolic link leads to, from outside or of a file that
//     the rules do not let through
//   - [Listing]: a response to a request for something else names what is not served
//   - [Oracle]: a client can tell a name that exists and is not served from one that does
//     not exist; see below
//   - [Error]: a 5xx status, or a connection closed without a response
//   - [Hang]: no response in time, or an open FIFO that holds a thread
//   - [Redirect]: a redirect to another host
//   - [Method]: a response with content to POST, PUT, PATCH or DELETE, or a file that one
//     of them changed
//   - [Sniff]: active content (HTML, SVG) without "X-Content-Type-Options: nosniff", or with
//     an active type that the server took from the content
//   - [Header]: a header field or parameter that came out of a name
//   - [Range]: one request for ranges gets more than twice the file
//   - [DoubleDecode]: a path is percent-decoded twice
//   - [Legal]: a file that has to be served is not
//
// # Oracle
//
// Every name that exists and is not served has a twin: a name of the same length in the same
// directory, with the same verdict under the rules, that does not exist. Both are asked for
// in the same way: by GET and HEAD, with a trailing slash, with conditions, with a range, by
// other methods. The responses must agree in status, header and body, after each one's own
// name is replaced. Date is ignored, and so is whatever differs between responses for two
// missing names. A difference counts if it is there again when both are asked for once more.
// So a server that answers 403 to all names outside its rules has no oracle, and one that
// answers 403 to those that exist, and 404 to others, does. What a response leaks outright
// is reported by its own kind, and not as an oracle. Time is not measured.
package probe
