package middleware

type StaticConfig struct {
	Root       string
	Filesystem any
}

func Static(string) any                 { return nil }
func StaticWithConfig(StaticConfig) any { return nil }
