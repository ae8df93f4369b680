package ignoring

import (
	"net/http"
	"os"
	"testing"
)

func TestOpen(t *testing.T) {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { os.Open(r.URL.Path) })
}
