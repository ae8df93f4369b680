// Package store is another package of the program.
package store

import "io"

func Open(path string) (io.ReadCloser, error) { return nil, nil }
func Title(path string) string                { return "" }
