//go:build !linux

package overlap

func mountPoints() []mountPoint { return nil }
