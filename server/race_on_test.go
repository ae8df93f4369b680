//go:build race

package server_test

// raceDetector says that every step costs many times more, so exhaustive tests
// take shorter strings.
const raceDetector = true
