// Package vfs serves objects by name, and only the names that a policy allows.
// Where to start:
//
//   - To read files under a policy: [New] with a backend from the packages below
//     backends/, or [FromFS]; then [Jail.Get], or pass the Jail to anything that
//     takes an [io/fs.FS].
//   - To store files under untrusted names: a backend opened for writing,
//     [ParseName] or [SafeName], and [Jail.Put].
//   - To do either over HTTP: package server.
//   - To find out why a name was refused: [ReasonOf] and package vfs/reason.
//   - To write a backend: implement [Backend] with the help of package vfs/driver,
//     and run vfstest.TestBackend.
//
// There is only one path from a client's string to an object:
//
//	client's string -> ParseName or ParseEscapedPath -> Name
//	Name -> (*Jail).admit: deny, allow, authorize -> Backend -> Object
//
// Only the parsers make a [Name], every [Backend] method takes one, and every
// operation of a [Jail] (Get, Head, List, Put, Create, Remove, Copy, Move, Explain, Scan,
// and the [io/fs] methods) calls the same admit. So a client's string cannot reach a
// backend in any other way, and a name gets the same verdict everywhere.
//
// The documentation of [Jail] lists what it does not protect against.
package vfs
