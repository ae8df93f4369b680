// Package routers mounts Bailiwick's handler in third-party routers, and sends the same
// hostile paths to each. It is a separate module, so that users of Bailiwick do not
// depend on these routers.
package routers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// mounts has, for each router, a function that mounts a handler below /files. The
// handler removes the prefix itself, from the path as it was sent, because routers clean
// or decode the path that they pass on.
var mounts = map[string]func(files http.Handler) http.Handler{
	"net/http": func(files http.Handler) http.Handler {
		router := http.NewServeMux()
		router.Handle("/files/", http.StripPrefix("/files", files))
		return router
	},
	"chi": func(files http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Handle("/files/*", http.StripPrefix("/files", files))
		return router
	},
	"echo": func(files http.Handler) http.Handler {
		router := echo.New()
		router.Any("/files/*", echo.WrapHandler(http.StripPrefix("/files", files)))
		return router
	},
	"gin": func(files http.Handler) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		router := gin.New()
		router.Any("/files/*name", gin.WrapH(http.StripPrefix("/files", files)))
		return router
	},
}

func TestRouters(t *testing.T) {
	backend, err := mem.FromMap(map[string]string{
		"a.txt": "allowed", "two words.txt": "allowed", "100%.txt": "allowed", "dir/b.txt": "allowed",
		"secret.cfg": "canary", "drafts/c.txt": "canary",
	})
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.txt"), Deny: vfs.Patterns("drafts")})
	if err != nil {
		t.Fatal(err)
	}
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(mount(server.New(jail, server.Config{})))
			defer srv.Close()
			for _, path := range []string{"/files/a.txt", "/files/two%20words.txt", "/files/100%25.txt", "/files/dir/b.txt"} {
				if status, body := get(t, srv, path); status != http.StatusOK || body != "allowed" {
					t.Errorf("%s: %d %q", path, status, body)
				}
			}
			for _, path := range []string{
				"/files/secret.cfg", "/files/drafts/c.txt", "/files/DRAFTS/c.txt", "/files/dir/../secret.cfg", "/files/dir/%2e%2e/drafts/c.txt",
				"/files/dir%2fb.txt", "/files/..%2fsecret.cfg", "/files//secret.cfg", "/files/./drafts/c.txt", "/files/a.txt%00", "/files/drafts%2fc.txt", "/files/nosuch.txt",
			} {
				// A router may redirect to a cleaned path, which is then checked itself.
				if status, body := get(t, srv, path); status == http.StatusOK || body == "canary" {
					t.Errorf("%s: %d %q", path, status, body)
				}
			}
		})
	}
}

// get sends the path unchanged, which net/http's client does not, and does not follow
// redirects.
func get(t *testing.T, srv *httptest.Server, path string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, srv.Listener.Addr())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
