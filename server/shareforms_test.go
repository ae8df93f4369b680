package server_test

import (
	"strings"
	"testing"
)

// originOf is the Origin that a browser sends with a form, by the policy of the page that has it
// (Fetch standard, "append a request Origin header").
func originOf(page reply) string {
	if page.Header.Get("Referrer-Policy") == "no-referrer" {
		return "null"
	}
	return "http://files.example"
}

// TestShareFormsWithoutTLS sends the forms of shares as a browser does over plain HTTP, where it
// says only by Origin which page the form was on. Other sites still cannot send them.
func TestShareFormsWithoutTLS(t *testing.T) {
	s := newSharing(t)
	locked := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"}).URL
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	files, filesType := filesForm("a.txt", "sent")
	page := []string{"Accept", "text/html,*/*;q=0.8"}
	for _, c := range []struct {
		what, target, body string
		headers            []string
		want               int
	}{
		{"a wrong password", locked, "password=wrong", []string{"Content-Type", "application/x-www-form-urlencoded"}, 401},
		{"the password", locked, "password=right", []string{"Content-Type", "application/x-www-form-urlencoded"}, 303},
		{"files", drop, files, filesType, 201},
	} {
		asked := s.get(c.target, page...)
		if !strings.Contains(asked.Body, `<form method="post"`) || asked.Header.Get("Referrer-Policy") == "" {
			t.Fatalf("%s: %d %v %s", c.what, asked.Status, asked.Header, asked.Body)
		}
		headers := append(c.headers, page...)
		got := s.send("POST", c.target, c.body, append(headers, "Origin", originOf(asked))...)
		if got.Status != c.want {
			t.Errorf("%s: %d %q, want %d", c.what, got.Status, got.Body, c.want)
		}
		if strings.Contains(got.Body, `<form method="post"`) {
			if r := s.send("POST", c.target, "password=right", append(headers, "Origin", originOf(got))...); r.Status != 303 {
				t.Errorf("%s, then the right one: %d %q", c.what, r.Status, r.Body)
			}
		}
		for _, other := range []string{"null", "http://files.example.net", "http://files.example:8080"} {
			if r := s.send("POST", c.target, c.body, append(headers, "Origin", other)...); r.Status != 404 {
				t.Errorf("%s, from %s: %d", c.what, other, r.Status)
			}
		}
	}
}
