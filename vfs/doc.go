// Package vfs serves objects by name and lets through only the names that
// were allowed.
//
// There is one road from a client's string to an object:
//
//	client's string -> ParseName or ParseEscapedPath -> Name
//	Name -> (*Jail).admit: deny, allow, authorise -> Backend -> Object
//
// Only the parsers make a [Name], every [Backend] method takes one, and every
// operation of a [Jail] (Get, Head, List, Put, Create, Remove, Copy, Explain, Scan,
// and the [io/fs] methods) asks the same admit. So a string that a client sent cannot reach a backend
// by another way, and one name has one verdict everywhere.
//
// Which part to use:
//
//   - To read files under a policy: [New] with a backend of the packages below
//     backends/, then [Jail.Get], or hand the Jail to anything that takes an
//     [io/fs.FS].
//   - To store files under names that came from outside: a backend that was opened
//     for writing, [ParseName] or [SafeName], and [Jail.Put].
//   - To do either over HTTP: package server.
//   - To write a backend: implement [Backend] with the help of package driver,
//     run vfstest.TestBackend.
//   - To tell why a name was refused: [ReasonOf] and package reason.
//
// What a Jail does not protect against is said at [Jail].
package vfs
