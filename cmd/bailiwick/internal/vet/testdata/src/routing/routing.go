// Package routing hands variables on as they were sent.
package routing

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/gorilla/mux"
)

func routes() http.Handler {
	r := mux.NewRouter().SkipClean(true) // want `BW012: mux.Router.SkipClean`
	r.UseEncodedPath()                   // want `BW012: mux.Router.UseEncodedPath`
	r.StrictSlash(true)
	mux.NewRouter().SkipClean(false)
	r.HandleFunc("/{name}", func(w http.ResponseWriter, r *http.Request) {
		os.Open(filepath.Join("/srv", mux.Vars(r)["name"])) // want `BW001: `
	})
	return r
}
