// Package spelling suggests corrections for misspelled words.
package spelling

// Nearest returns the candidate that s is most likely a misspelling of, "" if there is
// none.
func Nearest(s string, candidates []string) string {
	best, limit := "", 1
	if len(s) > 4 {
		limit = 2
	}
	for _, c := range candidates {
		if d := distance(s, c); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance returns the edit distance: the number of bytes to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
