package links_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// A signed link grants one method and one path until it expires.
func ExampleKeys() {
	keys, err := links.ReadKeys("link-keys", strings.NewReader("1:c2VjcmV0IGtleSB0aGF0IGhhcyAzMiBieXRlcyEhISE=\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	query, err := keys.Sign(links.Link{Method: http.MethodGet, Path: "/a.txt", Expires: now.Add(time.Hour)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, try := range []struct {
		path string
		at   time.Time
	}{{"/a.txt", now}, {"/b.txt", now}, {"/a.txt", now.Add(2 * time.Hour)}} {
		_, err := keys.Verify(http.MethodGet, try.path, query, try.at)
		fmt.Println(try.path, err == nil, errors.Is(err, links.ErrExpired))
	}
	// Output:
	// /a.txt true false
	// /b.txt false false
	// /a.txt false true
}
