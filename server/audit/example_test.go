package audit_test

import (
	"fmt"
	"os"

	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// The record of each request is one line of JSON. Record never waits for the writer.
func ExampleNewLog() {
	log := audit.NewLog(os.Stderr, audit.LogOptions{})
	// server.New(jail, server.Config{Recorder: log})
	if err := log.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println("lost:", log.Dropped())
	// Output:
	// lost: 0
}
