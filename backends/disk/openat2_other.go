//go:build !linux

package disk

func openTree(dir string, _ bool) (tree, error) { return openPortable(dir, "") }
