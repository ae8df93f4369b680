package put

import "time"

// Stamp gives a new version a time behind floor, so that an ETag made of it is
// new, even within one tick of the clock. set sets it and returns what the store
// made of it; the steps are what file systems are known to count in. A store
// that does not let times be set keeps the one it has. It returns the new time,
// or floor if there is none.
func Stamp(floor time.Time, set func(time.Time) (time.Time, error)) time.Time {
	now := time.Now()
	for _, step := range [...]time.Duration{1, time.Microsecond, time.Millisecond, time.Second, 2 * time.Second} {
		t := now
		if next := floor.Add(step); t.Before(next) {
			t = next
		}
		got, err := set(t)
		if err != nil {
			return floor
		}
		if got.After(floor) {
			return got
		}
	}
	return floor
}
