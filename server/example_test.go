package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// exampleJail has a page, a draft and a settings file, and allows pages only.
func exampleJail() *vfs.Jail {
	files, err := mem.FromMap(map[string]string{
		"index.html":       "<h1>Hello</h1>",
		"drafts/plan.html": "<h1>Not yet</h1>",
		"settings.yaml":    "password: x",
	})
	if err != nil {
		panic(err)
	}
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns("**/*.html"), Deny: vfs.Patterns("drafts")})
	if err != nil {
		panic(err)
	}
	return jail
}

// show requests a path of a handler and prints the response.
func show(h http.Handler, path string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	fmt.Printf("%s %d %s\n", path, w.Code, strings.TrimSpace(w.Body.String()))
}

func ExampleNew() {
	handler := server.New(exampleJail(), server.Config{})
	show(handler, "/")
	show(handler, "/drafts/plan.html") // denied
	show(handler, "/settings.yaml")    // not allowed
	show(handler, "/nosuch.html")      // missing
	// Output:
	// / 200 <h1>Hello</h1>
	// /drafts/plan.html 404 not found
	// /settings.yaml 404 not found
	// /nosuch.html 404 not found
}

// To serve below a prefix, strip the prefix first.
func ExampleNew_prefix() {
	router := http.NewServeMux()
	router.Handle("/docs/", http.StripPrefix("/docs", server.New(exampleJail(), server.Config{List: true})))
	show(router, "/docs/index.html")
	// Output:
	// /docs/index.html 200 <h1>Hello</h1>
}

// Your own handler chooses the object, and SendFile sends it.
func ExampleSendFile() {
	jail := exampleJail()
	router := http.NewServeMux()
	router.HandleFunc("GET /welcome", func(w http.ResponseWriter, r *http.Request) {
		// SendFile has written the response, whatever it returns.
		if err := server.SendFile(w, r, jail, "index.html", server.SendOptions{}); err != nil {
			fmt.Println("failed:", err)
		}
	})
	show(router, "/welcome")
	// Output:
	// /welcome 200 <h1>Hello</h1>
}

// Limit bounds the requests in flight and the rate of each client.
func ExampleLimit() {
	handler := server.Limit(server.New(exampleJail(), server.Config{}), server.Limits{
		InFlight:  server.NewSlots(1000),
		PerClient: server.NewRates(1, 2), // a request per second, two at once
	})
	for range 3 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 200
	// 429
}

// pngOnly is an Inspector: it reads a body before anyone can read the object.
type pngOnly struct{}

func (pngOnly) Inspect(_ context.Context, u *server.Upload) error {
	begin := make([]byte, 8)
	if _, err := io.ReadFull(u.Open(), begin); err != nil || string(begin) != "\x89PNG\r\n\x1a\n" {
		return fmt.Errorf("%w: not a PNG image", server.ErrRejected)
	}
	return nil
}

func ExampleInspector() {
	files := mem.New()
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns("*.png")})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := server.New(jail, server.Config{Write: true, Intake: server.Intake{Inspect: pngOnly{}}})
	for _, body := range []string{"\x89PNG\r\n\x1a\n…", "<script>"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/a.png", strings.NewReader(body)))
		fmt.Println(w.Code)
	}
	// Output:
	// 201
	// 422
}

func ExampleParseTypes() {
	types, err := server.ParseTypes("image/*", "application/pdf")
	fmt.Println(types, err)
	// Output:
	// image/*, application/pdf <nil>
}
