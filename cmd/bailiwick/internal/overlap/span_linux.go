package overlap

import "os"

// mountPoints returns none where they cannot be read: paths and identities are
// compared all the same.
func mountPoints() []mountPoint {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(info)
}
