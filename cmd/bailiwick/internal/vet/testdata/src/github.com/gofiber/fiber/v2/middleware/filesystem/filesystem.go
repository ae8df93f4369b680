package filesystem

import "net/http"

type Config struct{ Root http.FileSystem }

func New(...Config) any { return nil }
