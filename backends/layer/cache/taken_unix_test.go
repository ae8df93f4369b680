//go:build unix

package cache_test

import (
	"os"
	"syscall"
)

// taken returns the bytes of the file system that a file takes.
func taken(st os.FileInfo) int64 { return int64(st.Sys().(*syscall.Stat_t).Blocks) * 512 }
