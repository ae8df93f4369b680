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
			t.Errorf("%q parses to %d", s, n)
		}
		if again, err := config.ParseSize(n.String()); err != nil || again != n {
			t.Errorf("%q prints as %s, which parses to %d, %v", s, n, again, err)
		}
	})
}

// The printed form of an age parses to the same age.
func TestAge(t *testing.T) {
	for text, want := range map[string]string{"off": "off", "180d": "180d", "24h": "1d", "36h": "36h", "90s": "1m30s", "1s": "1s", "3650d": "3650d"} {
		for _, s := range []string{text, want} {
			c, err := config.New(
				config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
				config.Given{Key: "mounts[].allow", Values: []string{"a"}},
				config.Given{Key: "tls.cert", Values: []string{"c"}},
				config.Given{Key: "tls.key", Values: []string{"k"}},
				config.Given{Key: "tls.hsts", Values: []string{s}, Origin: "--hsts"},
			)
			if err != nil {
				t.Errorf("%s: %v", s, err)
			} else if got := c.TLS.HSTS.String(); got != want {
				t.Errorf("%s prints as %s, want %s", s, got, want)
			}
		}
	}
	for _, s := range []string{"0d", "-1d", "01d", "1.5d", "d", "180", "3651d", "99999999999d", "1d12h", "0s", "500ms", "1.5s", "on", ""} {
		_, err := config.New(
			config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
			config.Given{Key: "mounts[].allow", Values: []string{"a"}},
			config.Given{Key: "tls.cert", Values: []string{"c"}},
			config.Given{Key: "tls.key", Values: []string{"k"}},
			config.Given{Key: "tls.hsts", Values: []string{s}, Origin: "--hsts"},
		)
		if err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}
