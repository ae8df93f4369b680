package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cli.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			out := cli.NewLineWriter(a.Out)
			out.Line(version())
			return out.Close()
		},
	}
}

// version describes the build in one line, from what the Go linker put in.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "bailiwick (unknown build)"
	}
	number := info.Main.Version
	if number == "" {
		number = "(devel)"
	}
	platform := map[string]string{}
	for _, s := range info.Settings {
		platform[s.Key] = s.Value
	}
	return fmt.Sprintf("bailiwick %s %s %s/%s", number, info.GoVersion, platform["GOOS"], platform["GOARCH"])
}
