package gorilla_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/mux"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/gorilla"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A router with other routes that serves files below /files.
func ExampleMount() {
	b, err := mem.FromMap(map[string]string{"a.txt": "hello", "secret.txt": "no"})
	if err != nil {
		fmt.Println(err)
		return
	}
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("a.*")})
	if err != nil {
		fmt.Println(err)
		return
	}
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	gorilla.Mount(router, "/files", server.New(jail, server.Config{}))

	for _, path := range []string{"/files/a.txt", "/files/secret.txt", "/filesa.txt"} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /files/a.txt 200
	// /files/secret.txt 404
	// /filesa.txt 404
}
