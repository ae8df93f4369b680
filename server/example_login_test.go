package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// sessions stands for the session store of your program.
var sessions = map[string]string{"k3YtSb7w": "alice"}

// login stands for your own log-in: middleware that finds the user of a request and sets it
// as the principal in the request's context.
func login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cookie, err := r.Cookie("session"); err == nil {
			if user, ok := sessions[cookie.Value]; ok {
				r = r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{Name: user}))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// A program with its own log-in: each user may read the files in the directory with the
// user's name.
func Example_login() {
	files, err := mem.FromMap(map[string]string{"alice/a.txt": "from alice", "bob/b.txt": "from bob"})
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := access.Compile([]access.Rule{
		{Who: "authenticated", Can: []vfs.Op{vfs.OpRead}, Names: []string{"{user}/**"}},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := login(server.New(jail, server.Config{}))

	for _, request := range []struct{ path, session string }{
		{"/alice/a.txt", "k3YtSb7w"}, {"/bob/b.txt", "k3Yt…"}, {"/alice/a.txt", "forged"},
	} {
		r := httptest.NewRequest(http.MethodGet, request.path, nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: request.session})
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(request.path, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// /alice/a.txt 200 from alice
	// /bob/b.txt 404 not found
	// /alice/a.txt 404 not found
}
