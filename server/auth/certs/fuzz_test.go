package certs_test

import (
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
)

func FuzzParse(f *testing.F) {
	root := authority(f, "ours", nil)
	f.Add(root.pem())
	f.Add(append([]byte("# ours\n"), root.keyPEM(f)...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := certs.Parse("ca.pem", data, certs.Options{}); err != nil &&
			(!strings.HasPrefix(err.Error(), "ca.pem:") || strings.ContainsAny(err.Error(), "\n\x00\x1b")) {
			t.Errorf("%q", err)
		}
	})
}
