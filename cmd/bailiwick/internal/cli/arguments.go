package cli

import "github.com/spf13/cobra"

// SourceArguments accepts a SOURCE and from min to max further arguments, which what
// describes. A max of -1 means any number.
func SourceArguments(min, max int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return Usagef("%s needs a SOURCE, the path of a directory or s3://BUCKET/PREFIX; see %s --help", cmd.Name(), cmd.CommandPath())
		case len(args)-1 < min:
			return Usagef("%s needs %s after the SOURCE; see %s --help", cmd.Name(), what, cmd.CommandPath())
		case max >= 0 && len(args)-1 > max:
			return Usagef("%s does not know what to do with %s; if a pattern was meant, quote it, for the shell has expanded it: --allow '**/*.html'",
				cmd.Name(), Printable(args[max+1]))
		}
		return nil
	}
}

// CompleteSource lets a shell complete the SOURCE, but not the names after it.
func CompleteSource(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// NoArguments refuses any argument.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%s takes no argument, and got %s", cmd.Name(), Printable(args[0]))
	}
	return nil
}

// CompleteWords lets a shell complete the words of a flag.
func CompleteWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}
