package server_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// newFuzzedSharing returns a server without limits that fuzzing would reach.
func newFuzzedSharing(f *testing.F) *sharingServer {
	s := newSharing(f)
	s.change = func(c *server.ShareConfig) {
		c.Guesses, c.Most = auth.NewFailures(auth.FailureLimits{Burst: 1 << 40}), 1<<40
	}
	s.apply()
	return s
}

// FuzzShareLink asks for any path below the links of shares: nothing is answered but what is
// shared, and no redirect leads elsewhere.
func FuzzShareLink(f *testing.F) {
	s := newFuzzedSharing(f)
	link := s.share("alice", fields{"path": "/files/docs/pub"}).URL
	token := strings.Split(link, "/")[3]
	for _, rest := range []string{"TOKEN", "TOKEN/", "TOKEN/a.txt", "TOKEN/deep/../../other.txt", "TOKEN%2f..%2fother.txt", "TOKEN/%2e%2e/other.txt", "TOKEN//other.txt", "TOKEN=", "x/TOKEN", "TOKEN%00", "TOKEN?zip", "/TOKEN/", "TOKEN/deep?show=../other.txt", "TOKEN/?q=o&deep=1&after=../"} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		target := "/.bailiwick/s/" + strings.ReplaceAll(rest, "TOKEN", token)
		if u, err := url.ParseRequestURI(target); err != nil || u.Host != "" {
			return
		}
		r := sendTo(t, s.h, "GET", target, "")
		location := r.Header.Get("Location")
		switch {
		case strings.Contains(r.Body, canary), strings.Contains(r.Body, "alice"), strings.Contains(location, "pub"):
			t.Errorf("%q: %d %q %v", target, r.Status, r.Body, r.Header)
		case location != "" && (!strings.HasPrefix(location, "./") || strings.Contains(location, "..")):
			t.Errorf("%q leads to %q", target, location)
		case r.Status/100 == 2 && !strings.HasPrefix(target, "/.bailiwick/s/"+token):
			t.Errorf("%q without the token: %d", target, r.Status)
		case r.Status >= 500 && r.Status != 503:
			t.Errorf("%q: %d", target, r.Status)
		}
	})
}

// FuzzShareRequest sends any body. Whatever is made is what was asked for, and within the
// limits.
func FuzzShareRequest(f *testing.F) {
	s := newFuzzedSharing(f)
	const pub = `{"path":"/files/docs/pub/a.txt"`
	for _, body := range []string{
		pub + `}`, pub + `,"expires":"9999999h"}`, pub + `,"expires":"-1h"}`, pub + `,"expires":"NaN"}`, pub + `,"expires":"10000-01-01T00:00:00Z"}`, pub + `,"expires":"9999-12-31T23:59:59-23:59"}`,
		pub + `,"expires":"1ns"}`, pub + `,"expires":"99999999999d"}`, pub + `,"expires":"+1h"}`, pub + `,"expires":"0.5d"}`, pub + `,"uses":9223372036854775807}`, pub + `,"uses":9223372036854775808}`, pub + `,"uses":-1}`, pub + `,"uses":1e3}`,
		pub + `,"uses":1,"uses":0}`, pub + `,"USES":1}`, `{"path":"/files/docs/pub/../other.txt"}`, `{"path":"/files/docs/pub/a.txt\u0000"}`, `{"path":"/files/docs/pub/a.txt?x"}`, `{"path":"/files/docs/pub/%61.txt"}`,
		`{"path":"\\files"}`, `{"path":"/files/\ud800"}`, `null`, `[]`, pub + `} {}`, `{"path":"/files/drop","upload":true,"max_bytes":-1}`, strings.Repeat("[", 10_000),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		begun := time.Now()
		r := sendTo(t, s.h, "POST", "/.bailiwick/shares", body, append(as("alice"), "Content-Type", "application/json")...)
		switch r.Status {
		case 400, 404, 409, 413, 422:
			return
		case 201:
		default:
			t.Fatalf("%q: %d %q", body, r.Status, r.Body)
		}
		var m made
		if err := json.Unmarshal([]byte(r.Body), &m); err != nil {
			t.Fatal(err)
		}
		defer sendTo(t, s.h, "DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...)
		at, err := time.Parse(time.RFC3339, m.Expires)
		if err != nil || at.Before(begun.Add(-time.Second)) || at.After(time.Now().Add(30*24*time.Hour)) {
			t.Errorf("%q expires at %s", body, m.Expires)
		}
		var asked struct {
			Path, Password string
			Uses           int64
			Upload         bool
		}
		if err := json.Unmarshal([]byte(body), &asked); err != nil {
			t.Errorf("%q is no JSON: %v", body, err)
		}
		var mine struct {
			Shares []struct {
				Path             string
				Uses             int64
				Upload, Password bool
			}
		}
		if err := json.Unmarshal([]byte(sendTo(t, s.h, "GET", "/.bailiwick/shares?limit=1", "", as("alice")...).Body), &mine); err != nil || len(mine.Shares) != 1 {
			t.Fatalf("%v %v", mine, err)
		}
		got := mine.Shares[0]
		if strings.TrimSuffix(got.Path, "/") != strings.TrimSuffix(asked.Path, "/") || got.Uses != asked.Uses || got.Upload != asked.Upload || got.Password != (asked.Password != "") {
			t.Errorf("%q made %+v", body, got)
		}
		if strings.Contains(got.Path, "/..") || strings.Contains(got.Path, "secret") {
			t.Errorf("%q made %+v", body, got)
		}
	})
}

// FuzzShareForm sends any form. Whatever is made is what each of its fields says, which it has
// once.
func FuzzShareForm(f *testing.F) {
	s := newFuzzedSharing(f)
	const pub = "path=/files/docs/pub/a.txt"
	for _, body := range []string{
		pub, pub + "&uses=3", pub + "&uses=3&uses=", pub + "&uses=+3", pub + "&uses=%33", pub + "&uses=9223372036854775808", pub + "&uses=-1", pub + "&uses=0x3", pub + "&path=/files/docs", pub + "&upload=on&max_bytes=5", pub + "&upload=false", pub + "&upload=TRUE",
		"path=%2Ffiles%2Fdrop%2F&upload=true", pub + ";uses=1", pub + "&USES=", "path=/files/new%20&upload=on", pub + "&USES=1", pub + "&&", pub + "&=", pub + "&%75ses=1", pub + "&uses%00=1", pub + "&password=%ff", pub + "&password=a%0ab", pub + "&note=%00", pub + "&expires=1h&expires=2h", "path=/files/docs/pub/..%2fother.txt", "path=%zz", "PATH=/files/docs/pub/a.txt",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := sendTo(t, s.h, "POST", "/.bailiwick/shares", body, append(as("alice"), "Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json")...)
		switch r.Status {
		case 400, 404, 409, 413, 422:
			return
		case 201:
		default:
			t.Fatalf("%q: %d %q", body, r.Status, r.Body)
		}
		all, err := s.store.SharesOf(t.Context(), "alice", uuid.UUID{}, 1)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v %v", all, err)
		}
		got := all[0]
		defer sendTo(t, s.h, "DELETE", "/.bailiwick/shares/"+got.ID.String(), "", as("alice")...)
		fields, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q is no form: %v", body, err)
		}
		number := func(key string) (n int64) {
			if s := fields.Get(key); s != "" {
				if n, err = strconv.ParseInt(s, 10, 64); err != nil {
					t.Errorf("%q: %s is no number", body, key)
				}
			}
			return n
		}
		upload, uses := fields.Get("upload") != "" && fields.Get("upload") != "false", number("uses")
		if upload && fields.Get("uses") == "" {
			uses = 1000
		}
		if strings.TrimSuffix(got.Path, "/") != strings.TrimSuffix(fields.Get("path"), "/") || got.Limit != uses || got.MaxBytes != number("max_bytes") || got.Upload != upload ||
			(got.Password != "") != (fields.Get("password") != "") || got.Note != fields.Get("note") || strings.Contains(got.Path, "/..") || strings.Contains(got.Path, "secret") {
			t.Errorf("%q made %+v", body, got)
		}
		for key, values := range fields {
			if len(values) != 1 || values[0] != "" && key != strings.ToLower(key) {
				t.Errorf("%q was accepted", body)
			}
		}
	})
}
