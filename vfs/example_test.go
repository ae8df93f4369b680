package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Only what a pattern allows is served; a refused name looks like a missing one.
func ExampleNew() {
	backend := vfs.FromFS(fstest.MapFS{
		"docs/guide.html":       {Data: []byte("<h1>Guide</h1>")},
		"docs/drafts/next.html": {Data: []byte("not yet")},
	})
	jail, err := vfs.New(backend, vfs.Policy{
		Allow: vfs.Patterns("docs/**/*.html"),
		Deny:  vfs.Patterns("docs/drafts"),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range []string{"docs/guide.html", "docs/drafts/next.html", "docs/missing.html"} {
		name, err := vfs.ParseName(s)
		if err != nil {
			log.Fatal(err)
		}
		obj, err := jail.Get(context.Background(), name, vfs.Request{})
		if err != nil {
			fmt.Println(errors.Is(err, fs.ErrNotExist), vfs.ReasonOf(err))
			continue
		}
		data, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// <h1>Guide</h1> <nil>
	// true policy.deny
	// true missing
}

// A Jail is an fs.FS, so all that takes one can be jailed.
func ExampleJail() {
	jail, err := vfs.New(vfs.FromFS(fstest.MapFS{
		"index.html":    {Data: []byte("<h1>Hello</h1>")},
		"img/logo.svg":  {Data: []byte("<svg/>")},
		"img/.DS_Store": {Data: []byte("metadata")},
		"config.yaml":   {Data: []byte("password: secret")},
	}), vfs.Policy{Allow: vfs.Patterns("*.html", "img/**")})
	if err != nil {
		log.Fatal(err)
	}
	err = fs.WalkDir(jail, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Println(path)
		}
		return err
	})
	fmt.Println(err)
	// Output:
	// img/logo.svg
	// index.html
	// <nil>
}

// ParseName refuses and never cleans: a name has one spelling.
func ExampleParseName() {
	for _, s := range []string{"docs/guide.html", "docs/../secret", "docs//guide.html", `docs\guide.html`, "фото.jpg"} {
		name, err := vfs.ParseName(s)
		fmt.Printf("%q %q\n", name, vfs.ReasonOf(err))
	}
	// Output:
	// "docs/guide.html" ""
	// "" "name.dotdot"
	// "" "name.slash"
	// "" "name.backslash"
	// "фото.jpg" ""
}

// A path is decoded exactly once.
func ExampleParseEscapedPath() {
	for _, p := range []string{"a%20b.txt", "%252e%252e/secret", "%2e%2e/secret", "docs%2Fsecret"} {
		name, err := vfs.ParseEscapedPath(p)
		fmt.Printf("%q %q\n", name, vfs.ReasonOf(err))
	}
	// Output:
	// "a b.txt" ""
	// "%2e%2e/secret" ""
	// "" "name.dotdot"
	// "" "name.encoded_slash"
}

// SafeName makes a name out of what a browser sent as a file's name.
func ExampleSafeName() {
	for _, s := range []string{"../../фото: 1.jpg", `C:\Users\me\report.pdf`, "con.txt", ".jpg", ""} {
		fmt.Println(vfs.SafeName(s, vfs.SafeNameOptions{}))
	}
	// Output:
	// фото_ 1.jpg
	// report.pdf
	// _con.txt
	// file.jpg
	// file
}

// A put is all or nothing. With IfNoneMatch "*", it only creates.
func ExampleJail_Put() {
	ctx := context.Background()
	jail, err := vfs.New(mem.New(), vfs.Policy{Allow: vfs.Patterns("notes/**")})
	if err != nil {
		log.Fatal(err)
	}
	name, err := vfs.ParseName("notes/today.txt")
	if err != nil {
		log.Fatal(err)
	}
	create := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}
	for range 2 {
		w, err := jail.Put(ctx, name, strings.NewReader("buy milk"), create)
		fmt.Println(w.Info.Size, errors.Is(err, fs.ErrExist))
	}
	// Output:
	// 8 false
	// 0 true
}

// IfMatch replaces only the version that was read.
func ExampleCond() {
	ctx := context.Background()
	backend, err := mem.FromMap(map[string]string{"a.txt": "one"})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*.txt")})
	if err != nil {
		log.Fatal(err)
	}
	name := vfs.SafeName("a.txt", vfs.SafeNameOptions{})
	info, err := jail.Head(ctx, name, vfs.Request{})
	if err != nil {
		log.Fatal(err)
	}
	same := vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}}
	for _, body := range []string{"two", "three"} {
		_, err := jail.Put(ctx, name, strings.NewReader(body), vfs.PutOptions{Cond: same})
		fmt.Println(body, errors.Is(err, vfs.ErrPrecondition))
	}
	// Output:
	// two false
	// three true
}

// List shows only what Get would open, and directories that hold such names.
func ExampleJail_List() {
	jail, err := vfs.New(vfs.FromFS(fstest.MapFS{
		"readme.txt":      {Data: []byte("read me")},
		"secret.key":      {Data: []byte("key")},
		"docs/a.txt":      {Data: []byte("a")},
		"keys/server.key": {Data: []byte("key")},
	}), vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
	if err != nil {
		log.Fatal(err)
	}
	for entry, err := range jail.List(context.Background(), vfs.Root, "") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Key())
	}
	// Output:
	// docs/
	// readme.txt
}

// Explain says which rule decides, and touches no backend.
func ExampleJail_Explain() {
	jail, err := vfs.New(vfs.FromFS(fstest.MapFS{}), vfs.Policy{
		Allow: vfs.Patterns("**"),
		Deny:  vfs.Patterns("private"),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range []string{"a.txt", "PRIVATE/a.txt", ".env"} {
		name, err := vfs.ParseName(s)
		if err != nil {
			log.Fatal(err)
		}
		v := jail.Explain(context.Background(), vfs.OpRead, name)
		fmt.Println(v.Name, v.Allowed, v.Reason, v.Rule)
	}
	// Output:
	// a.txt true  **
	// PRIVATE/a.txt false policy.deny private
	// .env false policy.dotfile **
}

// Authorize decides for each caller, after the patterns.
func ExampleAuthorizeFunc() {
	type userKey struct{}
	jail, err := vfs.New(vfs.FromFS(fstest.MapFS{
		"alice/diary.txt": {Data: []byte("dear diary")},
	}), vfs.Policy{
		Allow: vfs.Patterns("*/**"),
		Authorize: vfs.AuthorizeFunc(func(ctx context.Context, _ vfs.Op, n vfs.Name) error {
			user, _ := ctx.Value(userKey{}).(string)
			if user == "" || !strings.HasPrefix(n.String(), user+"/") {
				return errors.New("not the owner")
			}
			return nil
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, user := range []string{"alice", "bob"} {
		ctx := context.WithValue(context.Background(), userKey{}, user)
		data, err := fs.ReadFile(jail.WithContext(ctx), "alice/diary.txt")
		fmt.Printf("%s: %q %t\n", user, data, vfs.ReasonOf(err) == reason.AuthDenied)
	}
	// Output:
	// alice: "dear diary" false
	// bob: "" true
}
