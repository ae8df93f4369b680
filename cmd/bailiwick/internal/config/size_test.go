package config_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1", "10MiB", "5GB", "5 gib", "0", "-1", "1.5MB", "9223372036854775807", "8388608TiB", "1e3", "٣MB", "KB", "1 B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := config.ParseSize(s)
		if err != nil {
			return
		}
		if n < 1 || s[0] < '0' || s[0] > '9' {
			t.Errorf("%q is %d", s, n)
		}
		if again, err := config.ParseSize(n.String()); err != nil || again != n {
			t.Errorf("%q is %s, and that is %d, %v", s, n, again, err)
		}
	})
}
