package pgserver

import "os/exec"

// Neither is called: find fails on Windows.
func give(...string) error             { return nil }
func unprivileged(cmd *exec.Cmd) error { return nil }
