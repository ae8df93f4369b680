package systemd

import "golang.org/x/sys/unix"

// monotonicMicros returns the time of the clock that the service manager uses.
func monotonicMicros() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, err
	}
	return ts.Nano() / 1000, nil
}
