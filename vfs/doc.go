// Package vfs serves objects by name and lets through only the names that were
// allowed. What to use:
//
//   - To read files under a policy: [New] with a backend of the packages below
//     backends/, or [FromFS], then [Jail.Get]; or pass the Jail to anything that
//     takes an [io/fs.FS].
//   - To store files under names that came from outside: a backend opened for
//     writing, [ParseName] or [SafeName], and [Jail.Put].
//   - To do either over HTTP: package server.
//   - To tell why a name was refused: [ReasonOf] and package vfs/reason.
//   - To write a backend: implement [Backend] with the help of package vfs/driver,
//     and run vfstest.TestBackend.
//
// There is one road from a client's string to an object:
//
//	client's string -> ParseName or ParseEscapedPath -> Name
//	Name -> (*Jail).admit: deny, allow, authorize -> Backend -> Object
//
// Only the parsers make a [Name], every [Backend] method takes one, and every
// operation of a [Jail] (Get, Head, List, Put, Create, Remove, Copy, Explain, Scan,
// and the [io/fs] methods) asks the same admit. So a client's string cannot reach a
// backend by another way, and one name has one verdict everywhere.
//
// [Jail] says what it does not protect against.
package vfs
