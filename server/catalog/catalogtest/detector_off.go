//go:build !race

package catalogtest

const slow = false
