//go:build race

package length

// RaceDetector says whether the race detector watches.
const RaceDetector = true
