package aferofs_test

import "testing"

// Windows has no FIFOs, and permits links only to privileged users.
const plantsLinks, plantsFIFOs = false, false

func mkfifo(t *testing.T, path string) { t.Fatalf("%s cannot be a FIFO here", path) }
