package vfs

import (
	"context"
	"testing"
	"testing/fstest"
)

func TestSmoke(t *testing.T) {
	m := fstest.MapFS{"a.txt": {Data: []byte("hello")}, "docs/b.html": {Data: []byte("b")}, ".env": {Data: []byte("x")}, "docs/secret/x.html": {Data: []byte("b")}, "docs/s.txt": {Data: []byte("b")}}
	j, err := New(FromFS(m), Policy{Allow: Patterns("**/*.txt", "docs/**"), Deny: Patterns("docs/secret")})
	if err != nil {
		t.Fatal(err)
	}
	for f, err := range j.Scan(context.Background()) {
		t.Log(f.Path, f.Allowed, f.Rule, f.Reason, err)
	}
	if err := fstest.TestFS(j, "a.txt", "docs/b.html"); err != nil {
		t.Fatal(err)
	}
}
