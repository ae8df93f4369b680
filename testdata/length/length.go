// Package length says how long tests may take. Only tests may import it.
package length

import (
	"os"
	"testing"
)

// FullVariable is the environment variable that, set to "1", has tests take their
// full length under the race detector too.
const FullVariable = "BAILIWICK_FULL_LENGTH"

// Short reports whether a test is to take fewer rounds and less data: under -short,
// and under the race detector, which makes each step cost many times more. A test
// that shortens itself by it runs at full length with "go test" alone.
func Short() bool {
	return testing.Short() || RaceDetector && os.Getenv(FullVariable) != "1"
}
