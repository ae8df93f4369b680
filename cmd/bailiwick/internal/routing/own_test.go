package routing_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
)

// TestOwn answers the own paths in one spelling only; everything else is for the mounts.
func TestOwn(t *testing.T) {
	to := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("To", name) })
	}
	own := &routing.Own{
		At:    map[string]http.Handler{"/.bailiwick/login": to("login"), "/.bailiwick/login/oidc": to("oidc")},
		Below: map[string]http.Handler{"/.bailiwick/s/": to("share")},
		Next:  to("mounts"),
	}
	for target, want := range map[string]string{
		"/.bailiwick/login":           "login",
		"/.bailiwick/login?next=%2Fa": "login",
		"/.bailiwick/login/oidc":      "oidc",
		"/.bailiwick/s/TOKEN":         "share",
		"/.bailiwick/s/":              "share",
		"/.bailiwick/s/TOKEN/a%2Fb/":  "share",
		"/.bailiwick/s":               "mounts",
		"/.bailiwick/sx/y":            "mounts",
		"/.bailiwick/login/":          "mounts",
		"/.bailiwick/login/x":         "mounts",
		"/.bailiwick//login":          "mounts",
		"/.bailiwick/./login":         "mounts",
		"/.bailiwick/%6cogin":         "mounts",
		"/.bailiwick%2flogin":         "mounts",
		"/%2ebailiwick/login":         "mounts",
		"//.bailiwick/login":          "mounts",
		"/.BAILIWICK/login":           "mounts",
		"/.bailiwick/":                "mounts",
		"/.bailiwick":                 "mounts",
		"/":                           "mounts",
		"/docs/.bailiwick/login":      "mounts",
	} {
		w := httptest.NewRecorder()
		own.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if got := w.Header().Get("To"); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}
