package access_test

import (
	"context"
	"fmt"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func ExampleCompile() {
	rules, err := access.Compile([]access.Rule{
		{Who: "authenticated", Can: []vfs.Op{vfs.OpRead, vfs.OpWrite}, Names: []string{"{user}/**"}},
		{Who: "group:editors", Can: []vfs.Op{vfs.OpRead}, Names: []string{"**"}},
	}, map[string][]string{"editors": {"bob"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	name, err := vfs.ParseName("alice/notes.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, user := range []string{"alice", "bob", "carol", ""} {
		ctx := context.Background()
		if user != "" {
			ctx = auth.WithPrincipal(ctx, auth.Principal{Name: user})
		}
		fmt.Printf("%q read: %v, write: %v\n", user,
			rules.Authorize(ctx, vfs.OpRead, name) == nil, rules.Authorize(ctx, vfs.OpWrite, name) == nil)
	}
	// Output:
	// "alice" read: true, write: true
	// "bob" read: true, write: false
	// "carol" read: false, write: false
	// "" read: false, write: false
}
