package azure_test

import (
	"context"
	"log"
	"net/http"

	cdk "gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // for azblob://

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/blob/azure"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// site serves the HTML pages of a container. For gs://, import gcsblob and use
// gcs.Service.
func site(ctx context.Context, source string) (http.Handler, error) {
	bucket, err := cdk.OpenBucket(ctx, source) // with the credentials of the environment
	if err != nil {
		return nil, err
	}
	backend, err := blob.New(bucket, blob.Options{Service: azure.Service})
	if err != nil {
		return nil, err
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.html")})
	if err != nil {
		return nil, err
	}
	return server.New(jail, server.Config{}), nil
}

// A whole file server for a container of Azure.
func Example() {
	handler, err := site(context.Background(), "azblob://site")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
