package driver_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// greetings is a read-only backend: one directory with an object per word.
type greetings struct {
	driver.Unsupported
	words map[string]string
}

func (g greetings) Caps() vfs.Caps { return vfs.Caps{Kind: "greetings"} }

func (g greetings) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	text, ok := g.words[n.String()]
	if !ok {
		return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Missing}
	}
	info := vfs.Info{Name: n, Size: int64(len(text))}
	req.Range = vfs.Range{}
	_, err := req.Resolve("stat", info)
	return info, err
}

func (g greetings) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	info, err := g.Stat(ctx, n, vfs.Request{})
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", info)
	if err != nil {
		return nil, err
	}
	text := io.NopCloser(strings.NewReader(g.words[n.String()]))
	body, err := driver.NewBody(ctx, text, span)
	if err != nil {
		return nil, driver.FSError("open", n, err)
	}
	return &vfs.Object{Info: info, Span: span, Body: body}, nil
}

func (g greetings) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for _, word := range slices.Sorted(maps.Keys(g.words)) {
			if word > after && !yield(vfs.Entry{Elem: word, Size: int64(len(g.words[word]))}, nil) {
				return
			}
		}
	}
}

func Example() {
	backend := greetings{words: map[string]string{"en": "hello", "eo": "saluton"}}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("eo")
	fmt.Printf("%s %v\n", data, err)

	n, err := vfs.ParseName("en")
	if err != nil {
		log.Fatal(err)
	}
	_, err = jail.Put(context.Background(), n, strings.NewReader("hi"), vfs.PutOptions{})
	fmt.Println(err)
	// Output:
	// saluton <nil>
	// put "en": unsupported operation
}
