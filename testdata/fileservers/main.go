// Command fileservers serves a directory with a Go package that serves files, as the
// package's documentation shows it. testdata/bench/attack-table attacks them. It is a module
// of its own, so that users of Bailiwick do not depend on these packages.
//
//	fileservers list          prints the names and versions
//	fileservers NAME DIR ADDR serves DIR at http://ADDR/
package main

import (
	"cmp"
	"fmt"
	"log"
	"maps"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/static"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v5"
)

// A server serves dir at addr until it fails.
type server struct {
	module string // "" for the standard library
	serve  func(dir, addr string) error
}

var servers = map[string]server{
	"`http.FileServer(http.Dir(…))`": {"", func(dir, addr string) error {
		return http.ListenAndServe(addr, http.FileServer(http.Dir(dir)))
	}},
	"`http.FileServerFS(os.DirFS(…))`": {"", func(dir, addr string) error {
		return http.ListenAndServe(addr, http.FileServerFS(os.DirFS(dir)))
	}},
	"`http.FileServerFS(root.FS())`": {"", func(dir, addr string) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		return http.ListenAndServe(addr, http.FileServerFS(root.FS()))
	}},
	"gin `Static`": {"github.com/gin-gonic/gin", func(dir, addr string) error {
		gin.SetMode(gin.ReleaseMode)
		router := gin.Default()
		router.Static("/", dir)
		return router.Run(addr)
	}},
	"echo `Static`": {"github.com/labstack/echo/v5", func(dir, addr string) error {
		e := echo.New()
		e.Static("/", dir)
		return e.Start(addr)
	}},
	"fiber `static`": {"github.com/gofiber/fiber/v3", func(dir, addr string) error {
		app := fiber.New()
		app.Get("/*", static.New(dir))
		return app.Listen(addr)
	}},
	"chi with `http.FileServer`": {"github.com/go-chi/chi/v5", func(dir, addr string) error {
		router := chi.NewRouter()
		router.Handle("/*", http.StripPrefix("/", http.FileServer(http.Dir(dir))))
		return http.ListenAndServe(addr, router)
	}},
	"gorilla/mux with `http.FileServer`": {"github.com/gorilla/mux", func(dir, addr string) error {
		router := mux.NewRouter()
		router.PathPrefix("/").Handler(http.StripPrefix("/", http.FileServer(http.Dir(dir))))
		return http.ListenAndServe(addr, router)
	}},
}

func main() {
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "list" {
		for _, name := range slices.Sorted(maps.Keys(servers)) {
			fmt.Printf("%s\t%s\n", name, version(servers[name].module))
		}
		return
	}
	if len(args) != 3 || servers[args[0]].serve == nil {
		log.Fatal("usage: fileservers list | NAME DIR ADDR")
	}
	log.Fatal(servers[args[0]].serve(args[1], args[2]))
}

// version returns the version of a module that this program was built with.
func version(module string) string {
	if module == "" {
		return runtime.Version()[len("go"):]
	}
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return cmp.Or(dep.Version, "?")[1:]
		}
	}
	return "?"
}
