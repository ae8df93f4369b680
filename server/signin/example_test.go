package signin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/signin"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A server of files with a page to sign in. Each user may read the files in the directory with
// the user's name.
func Example() {
	hash, _ := htpasswd.Hash("correct horse")
	users, err := htpasswd.Parse("users", []byte("alice:"+hash), htpasswd.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A program reads its keys from a file: session.LoadKeys.
	line, _, _ := links.AddKey("keys", nil)
	keys, err := session.ReadKeys("keys", strings.NewReader(string(line)))
	if err != nil {
		fmt.Println(err)
		return
	}
	sessions := session.New(auth.NewChain(auth.ChainConfig{Passwords: users}), session.Config{Keys: keys, Passwords: users})
	pages := signin.New(signin.Config{Sessions: sessions, Password: true})

	rules, _ := access.Compile([]access.Rule{{Who: "authenticated", Can: []vfs.Op{vfs.OpRead}, Names: []string{"{user}/**"}}}, nil)
	files, _ := mem.FromMap(map[string]string{"alice/a.txt": "from alice"})
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/", server.New(jail, server.Config{Auth: server.Auth{Authenticator: sessions, SignIn: pages.Unauthorized()}}))
	for _, path := range pages.Paths() {
		mux.Handle(path, pages)
	}

	form := url.Values{"user": {"alice"}, "password": {"correct horse"}, "next": {"/alice/a.txt"}}
	r := httptest.NewRequest("POST", signin.Login, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	in := httptest.NewRecorder()
	mux.ServeHTTP(in, r)
	fmt.Println(in.Code, in.Header().Get("Location"))

	r = httptest.NewRequest("GET", "/alice/a.txt", nil)
	r.AddCookie(in.Result().Cookies()[0])
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 303 /alice/a.txt
	// 200 from alice
}
