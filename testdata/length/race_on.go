//go:build race

package length

// RaceDetector reports whether the race detector is enabled.
const RaceDetector = true
