package s3gateway

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the child when the test process dies without
// stopping it, such as on a panic or timeout.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
