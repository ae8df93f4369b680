package main

import (
	"github.com/spf13/cobra"
)

// sourceArguments checks for a SOURCE and what else a command takes: from min to
// max further arguments, max -1 for any number, described by what.
func sourceArguments(min, max int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s needs a SOURCE, the path of a directory or s3://BUCKET/PREFIX; see %s --help", cmd.Name(), cmd.CommandPath())
		case len(args)-1 < min:
			return usagef("%s needs %s after the SOURCE; see %s --help", cmd.Name(), what, cmd.CommandPath())
		case max >= 0 && len(args)-1 > max:
			return usagef("%s does not know what to do with %s; if a pattern was meant, quote it, for the shell has expanded it: --allow '**/*.html'",
				cmd.Name(), printable(args[max+1]))
		}
		return nil
	}
}

// completeSource lets a shell complete the SOURCE, and no names after it.
func completeSource(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// noArguments refuses any argument.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, and got %s", cmd.Name(), printable(args[0]))
	}
	return nil
}

// completeWords lets a shell complete the words of a flag.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}
