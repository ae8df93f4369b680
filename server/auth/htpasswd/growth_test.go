package htpasswd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// BenchmarkParse reads files of few and many users.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var file strings.Builder
			for i := range n {
				fmt.Fprintf(&file, "user%06d:$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm\n", i)
			}
			data := []byte(file.String())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := htpasswd.Parse("users", data, htpasswd.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/user")
		})
	}
}
