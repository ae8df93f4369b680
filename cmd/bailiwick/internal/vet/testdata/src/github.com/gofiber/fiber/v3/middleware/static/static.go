package static

import "io/fs"

type Config struct{ FS fs.FS }

func New(root string, cfg ...Config) any { return nil }
