// Package names uses names from outside as paths.
package names

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"example.com/store"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
)

const root = "/srv/files"

func reads(w http.ResponseWriter, r *http.Request) {
	os.Open(root + r.URL.Path)                                 // want `BW001: os.Open reads .*http.Request.URL, line`
	os.ReadFile(filepath.Join(root, r.URL.Query().Get("f")))   // want `BW001: os.ReadFile`
	os.Stat(filepath.Join(root, r.FormValue("f")))             // want `BW001: os.Stat`
	os.ReadFile(path.Join(root, r.PathValue("f")))             // want `BW001: .*Request.PathValue`
	os.ReadFile(fmt.Sprintf("%s/%s", root, r.Header.Get("X"))) // want `BW001: `
	os.ReadDir(filepath.Join(root, mux.Vars(r)["f"]))          // want `BW001: .*mux.Vars`
	os.Open(filepath.Join(root, chi.URLParam(r, "f")))         // want `BW001: .*chi.URLParam`
	os.OpenFile(root+r.URL.RawPath, os.O_RDONLY, 0)            // want `BW001: os.OpenFile`
	if c, err := r.Cookie("f"); err == nil {
		os.Open(filepath.Join(root, c.Value)) // want `BW001: .*Request.Cookie`
	}
	for _, part := range strings.Split(r.URL.RawQuery, "&") {
		os.Open(part) // want `BW001: `
	}
	name, _ := url.PathUnescape(strings.TrimPrefix(r.RequestURI, "/"))
	os.Open(name) // want `BW001: `
	var b strings.Builder
	b.WriteString(root)
	b.WriteString(r.Form.Get("f"))
	os.Open(b.String()) // want `BW001: `
}

func ofGin(c *gin.Context) {
	os.Open(filepath.Join(root, c.Param("f"))) // want `BW001: .*gin.Context.Param`
	c.File(filepath.Join(root, c.Query("f")))  // want `BW004: gin.Context.File`
	c.File(filepath.Join(root, "index.html"))
}

func ofEcho(c echo.Context) error {
	os.Open(filepath.Join(root, c.QueryParam("f")))  // want `BW001: .*echo.Context.QueryParam`
	return c.File(filepath.Join(root, c.Param("f"))) // want `BW004: echo.Context.File`
}

func ofFiber(c *fiber.Ctx) error {
	return c.SendFile(filepath.Join(root, c.Params("f"))) // want `BW004: fiber.Ctx.SendFile`
}

func changes(r *http.Request) {
	os.Create(filepath.Join(root, r.URL.Path))                             // want `BW002: os.Create changes`
	os.OpenFile(filepath.Join(root, r.FormValue("a")), os.O_CREATE, 0o600) // want `BW002: os.OpenFile`
	os.Remove(filepath.Join(root, r.FormValue("b")))                       // want `BW002: os.Remove`
	os.RemoveAll(filepath.Join(root, r.FormValue("c")))                    // want `BW002: os.RemoveAll`
	os.Rename(filepath.Join(root, "new"), root+r.FormValue("d"))           // want `BW002: os.Rename`
	os.MkdirAll(filepath.Join(root, r.FormValue("e")), 0o700)              // want `BW002: os.MkdirAll`
}

func serves(w http.ResponseWriter, r *http.Request) {
	http.ServeFile(w, r, r.URL.Path[1:])                     // want `BW004: http.ServeFile`
	http.ServeFileFS(w, r, os.DirFS(root), r.PathValue("f")) // want `BW004: http.ServeFileFS`
	http.ServeFile(w, r, filepath.Join(root, "index.html"))
	dir, err := os.OpenRoot(root)
	if err != nil {
		return
	}
	http.ServeFileFS(w, r, dir.FS(), r.PathValue("f"))
	dir.Open(r.PathValue("f"))
}

func joins(r *http.Request) {
	store.Open(filepath.Join(root, r.PathValue("f"))) // want `BW003: filepath.Join joins .* for store.Open`
	store.Title(filepath.Join(root, r.PathValue("f")))
	store.Open(filepath.Join(root, "fixed"))
	http.Get("https://example.com" + path.Join("/", r.URL.Path))
}

// once is one finding: the same name is used twice.
func once(r *http.Request) {
	name := filepath.Join(root, r.URL.Path)
	if _, err := os.Stat(name); err == nil { // want `BW001: os.Stat`
		os.Open(name)
	}
	os.Remove(name) // want `BW002: os.Remove`
}

// sends makes requests, which nobody else chooses.
func sends() {
	req, _ := http.NewRequest("GET", "https://example.com/a", nil)
	os.Create(filepath.Join(root, req.URL.Path))
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		os.Create(filepath.Join(root, resp.Request.URL.Path))
	}
}

func fixed() {
	os.Open(filepath.Join(root, os.Args[1]))
}
