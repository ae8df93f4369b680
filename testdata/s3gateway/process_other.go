//go:build !linux

package s3gateway

import "os/exec"

// dieWithParent does nothing: only Linux supports this.
func dieWithParent(*exec.Cmd) {}
