package put

import "time"

// Stamp gives a new version a time after floor, so that an ETag derived from it is new,
// even within one tick of the clock. set sets the time and returns the time as stored.
// Stamp tries the resolutions that file systems are known to have. A store that does
// not support setting times keeps the time it has. Stamp returns the new time, or floor
// if there is none.
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
