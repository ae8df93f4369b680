package blob_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A bucket of any driver becomes a backend; this one is in memory, and only this program
// changes it.
func ExampleNew() {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	backend, err := blob.New(bucket, blob.Options{Writable: true, Exclusive: true})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.html")})
	if err != nil {
		log.Fatal(err)
	}
	n, err := vfs.ParseName("index.html")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jail.Put(context.Background(), n, strings.NewReader("<h1>Hello</h1>"), vfs.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	handler := server.New(jail, server.Config{})
	for _, path := range []string{"/", "/settings.yaml"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// / 200 <h1>Hello</h1>
	// /settings.yaml 404 not found
}
