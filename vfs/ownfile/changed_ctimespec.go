//go:build darwin || freebsd || netbsd || ios

package ownfile

import "syscall"

func changedOf(st *syscall.Stat_t) int64 { return st.Ctimespec.Nano() }
