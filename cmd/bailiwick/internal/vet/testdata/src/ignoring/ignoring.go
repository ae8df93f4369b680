// Package ignoring says why findings are none.
package ignoring

import (
	"net/http"
	"os"
)

func ignores(r *http.Request) {
	//bailiwick:ignore BW001 the router lets only three names through
	os.Open(r.FormValue("a"))
	os.Open(r.FormValue("b")) //bailiwick:ignore BW001 so does this one
	os.Open(r.FormValue("c")) //bailiwick:ignore BW002 not that // want `BW001: `
	os.Open(r.FormValue("d")) // want `BW001: `

	/* want `BW000: ` */      //bailiwick:ignore BW001
	os.Open(r.FormValue("e")) // want `BW001: `
	/* want `BW000: ` */ //bailiwick:ignore
	/* want `BW000: ` */ //bailiwick:ignore this please
	//bailiwick:ignore BW005,BW001 both
	os.Open(r.FormValue("f"))

	name := r.FormValue("g")
	os.Stat(name) //bailiwick:ignore BW001 nobody learns of it
	os.Open(name) // want `BW001: os.Open`
}
