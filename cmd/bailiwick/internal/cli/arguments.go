package cli

import (
	"os"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
)

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
			return Usagef("%s%s", tooMany(cmd, args, max), expandedHint(cmd, args[max+1:]))
		}
		return nil
	}
}

func tooMany(cmd *cobra.Command, args []string, max int) string {
	takes := "one SOURCE"
	if max > 0 {
		takes += " and " + Count(max, "further argument")
	}
	return cmd.Name() + " takes " + takes + ", and got " + Printable(args[max+1]) + ", too"
}

// expandedHint returns what to do if the shell expanded a pattern of --allow to several names,
// of which the last are further arguments; "" if cmd has no such flag.
func expandedHint(cmd *cobra.Command, extra []string) string {
	if cmd.Flags().Lookup("allow") == nil {
		return ""
	}
	names := extra
	if allow, err := cmd.Flags().GetStringArray("allow"); err == nil && len(allow) > 0 {
		names = append(names[:len(names):len(names)], allow[len(allow)-1])
	}
	return "; " + QuotePattern("allow", names)
}

// QuotePattern says how to quote the pattern that a shell may have expanded to names.
func QuotePattern(flag string, names []string) string {
	pattern := "**/*.html"
	ext := path.Ext(names[0])
	if ext != "" && !slices.ContainsFunc(names, func(name string) bool { return path.Ext(name) != ext }) {
		pattern = "*" + ext
	}
	return "if the shell expanded a pattern, quote the pattern: --" + flag + " " + Printable("'"+pattern+"'")
}

// CompleteSource lets a shell complete the SOURCE, but not the names after it.
func CompleteSource(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// SourcesArguments accepts several SOURCEs, which form one tree.
func SourcesArguments(cmd *cobra.Command, args []string) error {
	if err := SourceArguments(0, -1, "")(cmd, args); err != nil {
		return err
	}
	for i, arg := range args[1:] {
		if st, err := os.Stat(arg); backends.IsPath(arg) && (err != nil || !st.IsDir()) {
			return Usagef("%s takes SOURCEs, and %s is not a directory%s", cmd.Name(), Printable(arg), expandedHint(cmd, args[i+1:]))
		}
	}
	return nil
}

// CompleteSources lets a shell complete every SOURCE.
func CompleteSources(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// NoArguments refuses any argument.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%s accepts no arguments, but got %s; remove it", cmd.Name(), Printable(args[0]))
	}
	return nil
}

// CompleteWords lets a shell complete the words of a flag.
func CompleteWords(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}
