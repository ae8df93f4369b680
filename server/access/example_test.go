package access_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// shares lets users read the files shared with them by name, and grants nothing else.
type shares map[string][]string

var _ access.Authorizer = shares(nil)

func (s shares) Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error {
	who := auth.FromContext(ctx)
	if auth.Granted(ctx, op, n) || op == vfs.OpRead && !who.Anyone() && slices.Contains(s[n.String()], who.Name) {
		return nil
	}
	return access.ErrDenied
}

func (shares) Open(vfs.Op) bool             { return false }
func (shares) OpenTo(vfs.Op, vfs.Name) bool { return false }

// header trusts a request header. That is safe only behind a proxy that authenticates
// users and removes the header from their requests.
type header string

func (h header) Authenticate(r *http.Request) (auth.Principal, bool, error) {
	name := r.Header.Get(string(h))
	return auth.Principal{Name: name, Method: "proxy"}, name != "", nil
}

func (header) Challenges() []string { return []string{`Bearer realm="shares"`} }

// A custom Authorizer, here a table, decides in the jail, and tells the server what is
// not public.
func ExampleAuthorizer() {
	backend, err := mem.FromMap(map[string]string{"plan.txt": "the plan", "diary.txt": "dear diary"})
	if err != nil {
		panic(err)
	}
	table := shares{"plan.txt": {"alice", "bob"}}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*.txt"), Authorize: table})
	if err != nil {
		panic(err)
	}
	handler := server.New(jail, server.Config{Auth: server.Auth{Authenticator: header("X-User")}})

	for _, request := range []struct{ user, path string }{
		{"bob", "/plan.txt"}, {"bob", "/diary.txt"}, {"bob", "/nothing.txt"}, {"", "/plan.txt"},
	} {
		r := httptest.NewRequest("GET", request.path, nil)
		if request.user != "" {
			r.Header.Set("X-User", request.user)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%-3s %-12s %d %s\n", request.user, request.path, w.Code, w.Header().Get("Cache-Control"))
	}
	// Output:
	// bob /plan.txt    200 private, no-store
	// bob /diary.txt   404 no-store
	// bob /nothing.txt 404 no-store
	//     /plan.txt    401 no-store
}

// A program with users and permissions of its own needs one function.
func ExampleFunc() {
	type share struct{ user, dir string }
	shares := []share{{"alice", "reports"}, {"bob", "photos"}}
	mayRead := access.Func(func(_ context.Context, p auth.Principal, op vfs.Op, n vfs.Name) bool {
		return op == vfs.OpRead && slices.ContainsFunc(shares, func(s share) bool {
			return s.user == p.Name && strings.HasPrefix(n.String(), s.dir+"/")
		})
	})
	for _, user := range []string{"alice", "bob", ""} {
		ctx := auth.WithPrincipal(context.Background(), auth.Principal{Name: user})
		n, err := vfs.ParseName("reports/2026.pdf")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q: %v\n", user, mayRead.Authorize(ctx, vfs.OpRead, n) == nil)
	}
	// Output:
	// "alice": true
	// "bob": false
	// "": false
}
