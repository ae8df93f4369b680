// Package vfstest holds what is needed to test a [vfs.Backend] and whatever
// stands before one.
//
//   - [TestBackend] is the conformance suite. A backend is done when it passes.
//   - [Attacks] and [LegalNames] are the names that must not be served and those that
//     must, with a tree to try them in ([Fixture], [Plant]) and, for each attack, a
//     naive server that falls to it.
//   - [Faults] wraps a backend and makes it fail, stall, or change under a
//     reader's hands, and counts what it was asked.
//
// A backend's test is this:
//
//	func TestBackend(t *testing.T) {
//		vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
//			return mybackend.New(tree.Files)
//		}, vfstest.Options{})
//	}
package vfstest
