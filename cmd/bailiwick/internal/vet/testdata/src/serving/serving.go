// Package serving sets up file servers.
package serving

import (
	"embed"
	"io/fs"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/filesystem"
	"github.com/gofiber/fiber/v3/middleware/static"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/spf13/afero"
)

var embedded embed.FS

func standard(dir string) {
	http.Handle("/a/", http.FileServer(http.Dir("static")))     // want `BW005: http.FileServer`
	http.Handle("/b/", http.FileServer(http.Dir(dir)))          // want `BW005: http.FileServer`
	http.Handle("/c/", http.FileServerFS(os.DirFS(dir)))        // want `BW005: http.FileServerFS`
	http.Handle("/d/", http.FileServer(http.FS(os.DirFS(dir)))) // want `BW005: http.FileServer`
	sub, _ := fs.Sub(os.DirFS(dir), "public")
	http.Handle("/e/", http.FileServerFS(sub)) // want `BW005: http.FileServerFS`
	http.Handle("/f/", http.FileServer(http.FS(embedded)))
	http.Handle("/g/", http.FileServer(filtered{http.Dir(dir)}))
	if root, err := os.OpenRoot(dir); err == nil {
		http.Handle("/h/", http.FileServerFS(root.FS()))
	}
}

// filtered decides about names.
type filtered struct{ http.FileSystem }

func chiRoutes(r chi.Router) {
	fileServer(r, "/files", http.Dir("public"))
}

func fileServer(r chi.Router, path string, root http.FileSystem) {
	files := http.FileServer(root) // want `BW005: http.FileServer`
	r.Get(path, func(w http.ResponseWriter, r *http.Request) { files.ServeHTTP(w, r) })
}

func frameworks() {
	g := gin.Default()
	g.Static("/a", "./public")                  // want `BW006: gin.RouterGroup.Static`
	g.StaticFS("/b", http.Dir("./public"))      // want `BW006: gin.RouterGroup.StaticFS`
	g.StaticFS("/c", gin.Dir("./public", true)) // want `BW006: gin.RouterGroup.StaticFS`
	g.StaticFS("/d", http.FS(embedded))
	e := echo.New()
	e.Static("/a", "public")             // want `BW006: echo.Echo.Static`
	e.StaticFS("/b", os.DirFS("public")) // want `BW006: echo.Echo.StaticFS`
	e.StaticFS("/c", embedded)
	_ = middleware.Static("public")                                          // want `BW006: middleware.Static`
	_ = middleware.StaticWithConfig(middleware.StaticConfig{Root: "public"}) // want `BW006: middleware.StaticConfig.Root`
	_ = middleware.StaticWithConfig(middleware.StaticConfig{Root: "public", Filesystem: embedded})
	f := fiber.New()
	f.Static("/", "./public")  // want `BW006: fiber.App.Static`
	_ = static.New("./public") // want `BW006: static.New`
	_ = static.New("", static.Config{FS: embedded})
	_ = static.New("./public/index.html")
	_ = filesystem.New(filesystem.Config{Root: http.Dir("./public")}) // want `BW006: filesystem.Config.Root`
	_ = filesystem.New(filesystem.Config{Root: http.FS(embedded)})
}

func inAfero(dir string) {
	jail := afero.NewBasePathFs(afero.NewOsFs(), dir) // want `BW007: afero.NewBasePathFs`
	_ = afero.NewHttpFs(jail)                         // want `BW007: afero.NewHttpFs`
	_ = afero.NewBasePathFs(afero.NewMemMapFs(), dir)
	_ = afero.NewHttpFs(afero.NewMemMapFs())
}
