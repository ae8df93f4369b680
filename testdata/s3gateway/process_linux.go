package s3gateway

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the child killed when the test's process dies without
// stopping it, as it does on a panic or a timeout.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
