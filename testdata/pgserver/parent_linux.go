package pgserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the server end when the test process dies without stopping it,
// such as on a panic or timeout.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = immediate
}
