package s3_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// One read is one S3 request. Here, a handler takes the place of the service.
func ExampleNew() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("S3 sees", r.Method, r.URL.Path)
		w.Header().Set("ETag", `"v1"`)
		w.Write([]byte("<h1>Hello</h1>"))
	}))
	defer service.Close()

	client, err := s3.NewClient(s3.ClientOptions{Region: "eu-central-1", Endpoint: service.URL, Anonymous: true})
	if err != nil {
		log.Fatal(err)
	}
	backend, err := s3.New(client, s3.Options{Bucket: "bucket", Prefix: "site"})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.html")})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"docs/index.html", "docs/.htpasswd"} {
		data, err := jail.ReadFile(name)
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// S3 sees GET /bucket/site/docs/index.html
	// <h1>Hello</h1> <nil>
	//  read docs/.htpasswd: get "docs/.htpasswd": file does not exist
}
