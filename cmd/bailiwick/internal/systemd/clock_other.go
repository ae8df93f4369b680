//go:build !linux

package systemd

// monotonicMicros is not needed without systemd.
func monotonicMicros() (int64, error) { return 0, nil }
