//go:build unix

package probe_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// Whoever waits for the FIFO's writer, one after another, is released by Remove.
func TestRemoveReleases(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, tree.Name(), "pipe")
	if info, err := os.Stat(fifo); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Fatalf("%v, %v", info, err)
	}
	done := make(chan struct{})
	opened := make(chan struct{}, 8)
	for range cap(opened) {
		go func() {
			defer func() { done <- struct{}{} }()
			for first := true; ; first = false {
				if first {
					opened <- struct{}{}
				}
				f, err := os.Open(fifo)
				if err != nil {
					return
				}
				f.Close()
			}
		}()
	}
	for range cap(opened) {
		<-opened
	}
	if err := tree.Remove(); err != nil {
		t.Error(err)
	}
	for range cap(opened) {
		<-done
	}
}
