//go:build !linux

package pgserver

import "os/exec"

// dieWithParent does nothing: only Linux supports this.
func dieWithParent(*exec.Cmd) {}
