// Package vfstest helps to test a [vfs.Backend] and the layers above one.
//
//   - [TestBackend] is the conformance suite. A backend is complete when it passes.
//   - [Attacks] and [LegalNames] are names that must not be served and names that
//     must be, with a tree to try them in ([Fixture], [Plant]) and, for each attack,
//     a naive server that is vulnerable to it.
//   - [Faults] wraps a backend, makes calls fail, stall, or change the object during
//     a read, and counts calls.
//
// A backend's test looks like this:
//
//	func TestBackend(t *testing.T) {
//		vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
//			return mybackend.New(tree.Files)
//		}, vfstest.Options{})
//	}
package vfstest
