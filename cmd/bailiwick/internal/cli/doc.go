// Package cli has what the commands of bailiwick share: exit codes and the errors
// that carry them, text that is safe to print on a terminal, the flags for rules, and the
// environment variables that mirror flags.
//
// Every string that came from a user, a file name or a source goes through Printable,
// OneLine or LineWriter before it is written. Package cli imports no other package below
// cmd/bailiwick/internal but config and spelling.
package cli
