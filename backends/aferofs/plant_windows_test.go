package aferofs_test

import "testing"

// Windows has no FIFOs, and links only for the privileged.
const plantsLinks, plantsFIFOs = false, false

func mkfifo(t *testing.T, path string) { t.Fatalf("%s cannot be a FIFO here", path) }
