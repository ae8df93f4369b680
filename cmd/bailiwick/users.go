package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/rewrite"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// rewriting describes for the help how these commands change a file.
const rewriting = `The file is replaced as a whole, with the same owner, group and mode, and its other lines
stay as they are. (On Windows, the new file gets the permissions of its directory.) The
command refuses to write a file that a server could not read, and commands that run at the
same time wait for each other. If FILE is a symbolic link, its target is replaced. A server
reads the file again at SIGHUP.`

// plainNames describes for the help which new names need --force.
const plainNames = `A name such as alice@example.org needs --force: a server that has example.org as the
suffix of users of OpenID Connect or certificates refuses a file with such a name.

`

func (a *app) usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users COMMAND",
		Short: "Add, change, remove and list the users in a file of passwords",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("users has no command %s; its commands are add, passwd, remove and list", cli.Printable(args[0]))
			}
			return cli.Usagef("users needs a command: add, passwd, remove or list; for example bailiwick users add FILE NAME")
		},
	}
	var force cli.Toggle
	add := a.setPasswordCommand("add", "Add a user", `Add reads a password and adds the user NAME to FILE, a file for serve --htpasswd. It
creates a missing FILE, with mode 0600. A user who exists is an error.

`+plainNames, func(ctx context.Context, file, user string) error {
		return a.usersAdd(ctx, file, user, bool(force))
	})
	addForce(add, &force)
	passwd := a.setPasswordCommand("passwd", "Change the password of a user", `Passwd reads a password and gives it to the user NAME, who must be in FILE, a file for
serve --htpasswd.

`, a.usersPasswd)
	cmd.AddCommand(add, passwd, a.usersRemoveCommand(), a.usersListCommand())
	return cmd
}

func addForce(cmd *cobra.Command, force *cli.Toggle) {
	cli.AddToggle(cmd, force, "force", "", "add a name with an @")
}

// checkPlain returns an error for a name that may belong to another source of users, unless
// force is set. Only the configuration of the server, which these commands do not read, says
// which suffixes those have.
func checkPlain(user string, force bool) error {
	_, suffix, found := strings.Cut(vfs.Fold(user), "@")
	if !found || force {
		return nil
	}
	suffix = suffix[strings.LastIndexByte(suffix, '@')+1:]
	return cli.Usagef("%s looks like a user of OpenID Connect or certificates: a server that has the suffix %s for those refuses a file with this name; if none has, add --force",
		cli.Printable(user), cli.Printable(suffix))
}

func (a *app) setPasswordCommand(name, short, long string, run func(ctx context.Context, file, user string) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " FILE NAME",
		Short: short,
		Long: long + `On a terminal, it prompts twice and does not echo the password; otherwise it reads the
first line of standard input. A password has 1 to 72 bytes of UTF-8, because bcrypt
ignores everything after that.

` + rewriting,
		Example: "  bailiwick users " + name + " /etc/bailiwick/users alice\n" +
			"  bailiwick users " + name + " /etc/bailiwick/users alice <password.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return passwordArgument("users " + name)
			}
			return fileAndName(cmd, args)
		},
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) usersRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove FILE NAME",
		Short: "Remove a user",
		Long: `Remove removes the user NAME, who must be in FILE, a file for serve --htpasswd. What the user
shared opens nothing then, until another user gets the name: revoke it with
bailiwick share revoke --user NAME.

` + rewriting,
		Example:           `  bailiwick users remove /etc/bailiwick/users alice`,
		Args:              fileAndName,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, user := args[0], args[1]
			err := rewriteUsers(cmd.Context(), file, user, false, func(data []byte) ([]byte, error) {
				return htpasswd.Remove(file, data, user)
			})
			if err == nil {
				a.Say("removed %s; where users share, a new user of this name would revive the shares, unless you revoke them: bailiwick share revoke --user %s",
					cli.Printable(user), cli.ShellWord(user))
			}
			return err
		},
	}
}

func (a *app) usersListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list FILE",
		Short:   "List the users",
		Long:    `List prints the names of the users in FILE, a file for serve --htpasswd, sorted.`,
		Example: `  bailiwick users list /etc/bailiwick/users`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("users list takes one FILE; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeFile,
		RunE: func(_ *cobra.Command, args []string) error {
			users, err := htpasswd.Load(args[0], htpasswd.Options{})
			if err != nil {
				return cli.Usagef("%s", cli.OneLine(err))
			}
			out := cli.NewLineWriter(a.Out)
			for _, name := range users.Names() {
				out.Columns(name)
			}
			return out.Close()
		},
	}
}

func (a *app) usersAdd(ctx context.Context, file, user string, force bool) error {
	if err := htpasswd.CheckName(user); err != nil {
		return wrongName(user, err)
	}
	if err := checkPlain(user, force); err != nil {
		return err
	}
	// Do not ask for a password that cannot be used.
	switch exists, err := hasUser(file, user); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return cli.Usagef("%s", cli.OneLine(err))
	case exists:
		return userExists(file, user)
	}
	hash, err := a.readHash(ctx)
	if err != nil {
		return err
	}
	return rewriteUsers(ctx, file, user, true, func(data []byte) ([]byte, error) {
		return htpasswd.Add(file, data, user, hash)
	})
}

func (a *app) usersPasswd(ctx context.Context, file, user string) error {
	switch exists, err := hasUser(file, user); {
	case err != nil:
		return cli.Usagef("%s", cli.OneLine(err))
	case !exists:
		return noUser(file, user)
	}
	hash, err := a.readHash(ctx)
	if err != nil {
		return err
	}
	return rewriteUsers(ctx, file, user, false, func(data []byte) ([]byte, error) {
		return htpasswd.SetHash(file, data, user, hash)
	})
}

func hasUser(file, user string) (bool, error) {
	users, err := htpasswd.Load(file, htpasswd.Options{})
	if err != nil {
		return false, err
	}
	return slices.Contains(users.Names(), user), nil
}

// rewriteUsers replaces the content of a file of passwords.
func rewriteUsers(ctx context.Context, file, user string, create bool, change func([]byte) ([]byte, error)) error {
	return rewriteFile(ctx, file, rewrite.Options{
		Create: create,
		Check: func(path string) error {
			_, err := htpasswd.Load(path, htpasswd.Options{})
			return err
		},
	}, func(data []byte) ([]byte, error) {
		data, err := change(data)
		switch {
		case errors.Is(err, fs.ErrExist):
			return nil, userExists(file, user)
		case errors.Is(err, fs.ErrNotExist):
			return nil, noUser(file, user)
		}
		return data, err
	})
}

// rewriteFile is rewrite.File with errors for the user. An interruption does not leave the
// change half done.
func rewriteFile(ctx context.Context, file string, opts rewrite.Options, change func([]byte) ([]byte, error)) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	err := rewrite.File(ctx, file, opts, change)
	var (
		failed *rewrite.Error
		exit   *cli.ExitError
	)
	switch {
	case err == nil, errors.As(err, &exit):
		return err
	case errors.As(err, &failed):
		return cli.Failf("%s", cli.OneLine(err))
	}
	return cli.Usagef("%s", cli.OneLine(err)) // from the reader
}

func userExists(file, user string) error {
	return cli.Failf("the user %s is in %s already; to change the password: bailiwick users passwd %s %s",
		cli.Printable(user), cli.Printable(file), cli.ShellWord(file), cli.ShellWord(user))
}

func noUser(file, user string) error {
	return cli.Failf("there is no user %s in %s; to list the users: bailiwick users list %s",
		cli.Printable(user), cli.Printable(file), cli.ShellWord(file))
}

func wrongName(user string, err error) error {
	return cli.Usagef("%s cannot be a user: %s", cli.Printable(user), cli.OneLine(err))
}

// fileAndName accepts a FILE and a NAME.
func fileAndName(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return cli.Usagef("%s needs a FILE and a NAME; see %s --help", cmd.Name(), cmd.CommandPath())
	}
	return nil
}

// completeFile lets a shell complete the FILE, but not the NAME.
func completeFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}
