package pgserver

import "os/exec"

// Neither is called: find refuses this system before.
func give(...string) error             { return nil }
func unprivileged(cmd *exec.Cmd) error { return nil }
