//go:build linux || openbsd || dragonfly || solaris || illumos || aix

package ownfile

import "syscall"

func changedOf(st *syscall.Stat_t) int64 { return st.Ctim.Nano() }
