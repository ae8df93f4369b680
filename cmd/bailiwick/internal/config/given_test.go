package config_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

const two = `listen: ["127.0.0.1:1"]
drain: 1s
mounts:
- source: a
  allow: ["**"]
- path: /b
  source: b
  allow: ["**"]
`

func TestGiven(t *testing.T) {
	c, err := config.Parse("/etc/f", []byte(two),
		config.Given{Key: "drain", Values: []string{"2s"}, Origin: "BAILIWICK_DRAIN"},
		config.Given{Key: "listen", Values: []string{":2", ":3"}, Origin: "--listen"},
		config.Given{Key: "drain", Values: []string{"3s"}, Origin: "--drain"},
		config.Given{Key: "limits.upload", Values: []string{"1MiB"}, Origin: "--max-upload"},
		config.Given{Key: "access_log.file", Values: []string{"x/access"}, Origin: "--access-log"},
	)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(c.Listen, c.Drain, c.Limits.Upload, c.AccessLog.File, c.Mounts[0].Source)
	// A path from a flag is relative to the working directory, not to the file.
	source, err := filepath.Abs("/etc/a")
	if err != nil {
		t.Fatal(err)
	}
	if want := "[:2 :3] 3s 1MiB x/access " + source + "\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	places := []string{c.At("listen"), c.At("listen[1]"), c.At("drain"), c.At("mounts[1].source"), c.At("landlock")}
	if diff := cmp.Diff([]string{"--listen", "--listen", "--drain", "/etc/f:7", "default"}, places); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A mount flag applies to the only mount.
func TestGivenMount(t *testing.T) {
	given := config.Given{Key: "mounts[].allow", Values: []string{"x", "y"}, Origin: "--allow"}
	_, err := config.Parse("f", []byte(two), given)
	if err == nil || err.Error() != "--allow: the file has 2 mounts, and this cannot select one; set allow in the file instead" {
		t.Errorf("with two mounts: %v", err)
	}
	c, err := config.Parse("f", []byte("mounts: [{source: a, allow: ['**']}]"), given)
	if err != nil || fmt.Sprint(c.Mounts[0].Allow) != "[x y]" {
		t.Errorf("with one mount: %v", err)
	}
	c, err = config.New(given, config.Given{Key: config.SourceKey, Values: []string{"dir"}, Origin: "SOURCE"})
	if err != nil || c.Mounts[0].Source != "dir" || fmt.Sprint(c.Mounts[0].Allow) != "[x y]" {
		t.Errorf("without a file: %v", err)
	}
}

func TestGivenUploads(t *testing.T) {
	uploads := config.Given{Key: config.Flags["uploads"], Values: []string{"true"}, Origin: "--uploads"}
	none := config.Given{Key: config.Flags["uploads"], Values: []string{"false"}, Origin: "--uploads"}
	catalog := config.Given{Key: config.Flags["catalog"], Values: []string{"sqlite:c.db"}, Origin: "--catalog"}
	types := config.Given{Key: config.Flags["types"], Values: []string{"image/*, text/plain", "application/PDF"}, Origin: "--types"}
	source := config.Given{Key: config.SourceKey, Values: []string{"mem:"}}
	c, err := config.New(uploads, catalog, types, source)
	if err != nil {
		t.Fatal(err)
	}
	u := c.Mounts[0].Uploads
	if got := fmt.Sprint(u.Catalog, c.Mounts[0].Types); got != "sqlite:c.db [image/* text/plain application/pdf]" {
		t.Errorf("got %s", got)
	}
	if _, err := config.New(uploads, source); err == nil || !strings.HasPrefix(err.Error(), "--uploads: uploads need a database") {
		t.Errorf("without a catalog: %v", err)
	}
	file := []byte("mounts: [{source: ., uploads: {catalog: 'sqlite:x'}}]")
	if _, err := config.Parse("f", file, none); err == nil || !strings.HasPrefix(err.Error(), "f:1: mounts[0]: nothing is allowed") {
		t.Errorf("--uploads=false: %v", err)
	}
}

// An error about a given value names its flag or variable. An error in the file names
// the file, even where a given value would go into it.
func TestGivenErrors(t *testing.T) {
	for _, c := range []struct {
		file  string
		given config.Given
		want  string
	}{
		{two, config.Given{Key: "drain", Values: []string{"3"}, Origin: "--drain"}, "--drain: write a number and a unit"},
		{two, config.Given{Key: "listen", Values: []string{":1", "x"}, Origin: "BAILIWICK_LISTEN"}, "BAILIWICK_LISTEN: x is not an address"},
		{two, config.Given{Key: "admin", Values: []string{"127.0.0.1:1"}, Origin: "--admin"}, "--admin: it must differ from the public address"},
		{"drain: 1s\n" + two, config.Given{Key: "drain", Values: []string{"1s"}, Origin: "--drain"}, "f:3: drain: duplicate key, first used on line 1"},
		{"limits: 3\n" + two, config.Given{Key: "limits.upload", Values: []string{"1B"}, Origin: "--max-upload"}, "f:1: limits: it is a single value"},
		{"mounts: 3\n", config.Given{Key: "mounts[].list", Values: []string{"true"}, Origin: "--list"}, "f:1: mounts: it is a single value; write a list"},
		{"mounts: [x]\n", config.Given{Key: "mounts[].list", Values: []string{"true"}, Origin: "--list"}, "f:1: mounts[0]: it is a single value"},
		{"- a\n", config.Given{Key: "drain", Values: []string{"1s"}, Origin: "--drain"}, "f:1: it is a list"},
	} {
		_, err := config.Parse("f", []byte(c.file), c.given)
		var all config.Errors
		if !errors.As(err, &all) || len(all) != 1 || !strings.HasPrefix(all[0].Error(), c.want) {
			t.Errorf("%v: %v; want %s", c.given, err, c.want)
		}
	}
}
