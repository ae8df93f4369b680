// Package routingclean uses no variable as a path.
package routingclean

import (
	"net/http"

	"github.com/gorilla/mux"
)

func routes() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	r.HandleFunc("/{name}", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(mux.Vars(r)["name"])) })
	return r
}
