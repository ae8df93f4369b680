package disk_test

import "testing"

func plantSpecial(t *testing.T, _ string) { t.Fatal("no FIFOs on Windows") }
