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
	flags.Var(&f.max, "max-upload", "the maximum size of a file, such as 500MB, 10MiB or a number of bytes")
	flags.Var(&f.time, "max-upload-time", "the maximum duration of one upload")
	flags.Var(&f.concurrent, "max-uploads", "the maximum number of uploads at the same time; further ones get 503")
	flags.StringArrayVar(&f.types, "types", nil, "accept only these media types, by name and content: a `LIST` such as 'image/*,application/pdf' (repeat for more; default: all)")
}
