package systemd

import "golang.org/x/sys/unix"

// monotonicMicros is the time by the clock that the service manager compares with.
func monotonicMicros() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, err
	}
	return ts.Nano() / 1000, nil
}
