// Package layer has no code of its own: each layer over a [vfs.Backend] is a package
// below it. A layer is itself a vfs.Backend, so layers compose, and a vfs.Jail goes over
// the last one. Which one to use:
//
//   - readonly: nothing can be written through it.
//   - prefix: a directory of a backend becomes a backend of its own.
//   - mount: several backends become one tree, by directory.
//   - overlay: several backends become one tree, the first that has an object wins.
//   - cache: what was read from a slow backend is kept in a directory.
//   - retry: what is temporarily unavailable is tried again, where that is safe.
//   - limit: bounds calls in flight and bytes per second.
//   - timeout: bounds how long a call and a read wait.
//
// Each passes vfstest.TestBackend over disk, mem and S3, alone and over other layers.
// The order matters: retry over timeout over limit retries what the others gave up;
// below mount and overlay, each store has its own limits; a cache goes over them.
//
// A layer has no Close, except a cache, which does not close the backend below it: close
// that as without the layer.
//
// Layers decide nothing about names: policy stays with the jail, above all layers.
package layer
