// Package length decides how long tests may take. Only tests may import it.
package length

import (
	"os"
	"testing"
)

// FullVariable is the environment variable that, if set to "1", makes tests run at full
// length under the race detector too.
const FullVariable = "BAILIWICK_FULL_LENGTH"

// Short reports whether a test should use fewer rounds and less data: with -short, and
// under the race detector, which makes everything many times slower. Such a test runs at
// full length with plain "go test".
func Short() bool {
	return testing.Short() || RaceDetector && os.Getenv(FullVariable) != "1"
}
