//go:build !windows

package cache

import "os"

// makeSparse does nothing: files are sparse.
func makeSparse(*os.File) {}
