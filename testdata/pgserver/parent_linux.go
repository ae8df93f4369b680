package pgserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the server end when the test's process dies without stopping
// it, as it does on a panic or a timeout.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = immediate
}
