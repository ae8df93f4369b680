package copier

import "iter"

// ahead is how many results may wait for an earlier one, so that a large object does not
// block the others.
const ahead = 256

// inOrder calls do for each item, up to width at the same time, and report with each
// result, one at a time and in the order of the items. It returns when all were reported.
// A separate goroutine ranges over the items.
func inOrder[T, R any](width int, items iter.Seq[T], do func(T) R, report func(R)) {
	results := make(chan chan R, ahead)
	go func() {
		defer close(results)
		running := make(chan struct{}, width)
		for item := range items {
			result := make(chan R, 1)
			results <- result
			running <- struct{}{}
			go func() {
				defer func() { <-running }()
				result <- do(item)
			}()
		}
	}()
	for result := range results {
		report(<-result)
	}
}
