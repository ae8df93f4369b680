//go:build unix

package main

import "syscall"

// flush writes to disk what earlier turns left to write, so that it slows no later one.
func flush() { syscall.Sync() }
