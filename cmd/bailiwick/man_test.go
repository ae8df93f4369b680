package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// The release script generates the manual pages with this test, so that the generator is
// not part of the program.
var (
	manDir  = flag.String("man", "", "write the manual pages into this directory")
	manDate = flag.Int64("mandate", 0, "the date of the pages, in seconds since 1970")
)

func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	root := (&app{Streams: cli.Streams{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()}, Env: cli.NewEnv(nil)}).rootCommand()
	date := time.Unix(*manDate, 0).UTC()
	header := &doc.GenManHeader{Title: "BAILIWICK", Section: "1", Source: "Bailiwick", Manual: "User Commands", Date: &date}
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	for _, command := range visible(root) {
		page := filepath.Join(dir, strings.ReplaceAll(command.CommandPath(), " ", "-")+".1")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(text), ".SH SYNOPSIS") {
			t.Errorf("%s has no synopsis", page)
		}
	}
}

// visible returns a command and its subcommands, without hidden ones.
func visible(command *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{command}
	for _, below := range command.Commands() {
		if below.IsAvailableCommand() {
			all = append(all, visible(below)...)
		}
	}
	return all
}
