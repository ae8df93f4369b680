package main

import "iter"

// ahead is how many results may wait for one that comes before them, so that one
// large object does not hold up the others.
const ahead = 256

// inOrder calls do for each of items, up to width at a time, and report with each
// result: one at a time, in the order of the items. It returns when all were
// reported. The items are drawn in a goroutine of their own.
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
