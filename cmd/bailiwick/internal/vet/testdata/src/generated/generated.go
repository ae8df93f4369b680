// Package generated names other files as its own.
package generated

import (
	"net/http"
	"os"
)

func generates(r *http.Request) {
//line page_test.go:10
	os.Open(r.FormValue("a")) // want `BW001: `
	os.Open(r.FormValue("b")) //bailiwick:ignore BW001 the router lets only three names through

	//bailiwick:ignore BW001 alone in its line
	os.Open(r.FormValue("c"))
//line page.tmpl:20
	os.Open(r.FormValue("d")) //bailiwick:ignore BW001 not the next one, which says that it is the same line
//line page.tmpl:20
	os.Open(r.FormValue("e")) // want `BW001: `
}
