package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// intakeFlags are the flags for the bodies that clients send.
type intakeFlags struct {
	max        cli.Size
	time       cli.Duration
	concurrent cli.Positive
	types      []string
}

func (f *intakeFlags) register(cmd *cobra.Command) {
	f.max = 5 << 30
	f.time = cli.Duration(time.Hour)
	f.concurrent = 64
	flags := cmd.Flags()
	flags.Var(&f.max, "max-upload", "the largest file that clients may send, such as 500MB, 10MiB or a number of bytes")
	flags.Var(&f.time, "max-upload-time", "the time that a client may take to send a file")
	flags.Var(&f.concurrent, "max-uploads", "the number of files that may arrive at the same time; other clients are told to try again")
	flags.StringArrayVar(&f.types, "types", nil, "accept these media types only, by name and content: a `LIST` such as 'image/*,application/pdf' (repeat for more; default: all)")
}
