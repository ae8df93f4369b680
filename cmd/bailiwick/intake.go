package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/server"
)

// intakeFlags say which bodies serve takes in where clients can send some.
type intakeFlags struct {
	max        size
	time       span
	concurrent positive
	types      []string
}

func (f *intakeFlags) register(cmd *cobra.Command) {
	f.max = 5 << 30
	f.time = span(time.Hour)
	f.concurrent = 64
	flags := cmd.Flags()
	flags.Var(&f.max, "max-upload", "how large a file may be that a client sends, such as 500MB, 10MiB or a number of bytes")
	flags.Var(&f.time, "max-upload-time", "how long a client may take to send a file")
	flags.Var(&f.concurrent, "max-uploads", "how many files may be coming in at the same time; further clients are told to try again")
	flags.StringArrayVar(&f.types, "types", nil, "take in these media types only, judged by name and content: a `LIST` such as 'image/*,application/pdf' (repeat for more; default: all)")
}

// intake returns what the flags mean.
func (a *app) intake(f *intakeFlags) (server.Intake, error) {
	var list []string
	for _, value := range f.types {
		for item := range strings.SplitSeq(value, ",") {
			list = append(list, strings.TrimSpace(item))
		}
	}
	types, err := server.ParseTypes(list...)
	if err != nil {
		return server.Intake{}, usagef("%s: %s", a.origin("types"), oneLine(err))
	}
	if f.time == 0 {
		return server.Intake{}, usagef("%s: in no time at all nothing can be sent; write a length of time such as 1h", a.origin("max-upload-time"))
	}
	return server.Intake{
		MaxBytes:      int64(f.max),
		Timeout:       time.Duration(f.time),
		MaxConcurrent: int(f.concurrent),
		Types:         types,
	}, nil
}
