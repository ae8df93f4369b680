package names

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/google/uuid"
)

var files = map[string]string{"a": "a.txt"}

var form = regexp.MustCompile(`^[a-z]+$`)

// clean has no finding: the names are those that the program knows.
func clean(r *http.Request) {
	name := r.URL.Query().Get("f")
	if id, err := uuid.Parse(name); err == nil {
		os.Open(filepath.Join(root, id.String()))
		os.Open(filepath.Join(root, name))
	}
	if n, err := strconv.Atoi(name); err == nil {
		os.Open(filepath.Join(root, strconv.Itoa(n)))
	}
	switch name {
	case "a", "b":
		os.Open(filepath.Join(root, name))
	}
	if file, ok := files[name]; ok {
		os.Open(filepath.Join(root, file))
		os.Open(filepath.Join(root, name))
	}
	if slices.Contains([]string{"a", "b"}, name) {
		os.Open(filepath.Join(root, name))
	}
	if n, err := vfs.ParseName(name); err == nil {
		os.Open(filepath.Join(root, n.String()))
	}
	os.Open(filepath.Join(root, vfs.SafeName(name, vfs.SafeNameOptions{}).String()))
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		if entry.Name() == name {
			os.Open(filepath.Join(root, name))
		}
	}
	os.Open(filepath.Join(root, "x"+filepath.Ext(name)))
	if !form.MatchString(name) {
		return
	}
	os.Open(filepath.Join(root, name))
}

// other shows that a check of one name is none of another.
func other(r *http.Request) {
	name, second := r.FormValue("a"), r.FormValue("b")
	if name != "a" {
		return
	}
	os.Open(filepath.Join(root, name))
	os.Open(filepath.Join(root, second)) // want `BW001: `
}

// late checks after the use.
func late(r *http.Request) {
	name := r.FormValue("a")
	os.Open(filepath.Join(root, name)) // want `BW001: `
	if name != "a" {
		return
	}
}

// half checks one branch.
func half(r *http.Request, strict bool) {
	name := r.FormValue("a")
	if strict && name != "a" {
		return
	}
	os.Open(filepath.Join(root, name)) // want `BW001: `
}

// textual names cannot lead out of the directory unless a link does.
func textual(r *http.Request) {
	os.Open(filepath.Join(root, filepath.Clean("/"+r.URL.Path))) // want `BW015: os.Open`
	os.Open(filepath.Join(root, path.Base(r.FormValue("a"))))    // want `BW015: os.Open`
	name := r.FormValue("b")
	if strings.Contains(name, "..") {
		return
	}
	os.Open(filepath.Join(root, name)) // want `BW015: os.Open`
}

// local is checked as a text; in an os.Root that is enough.
func local(r *http.Request, dir *os.Root) {
	name := r.FormValue("a")
	if !filepath.IsLocal(name) {
		return
	}
	dir.Open(name)
	os.Open(filepath.Join(root, name)) // want `BW015: os.Open`
}

// again writes the same expression twice.
func again(r *http.Request) {
	if strings.Contains(r.URL.Path, "..") {
		return
	}
	os.Open(root + r.URL.Path) // want `BW015: os.Open`
}

// alone uses what was rooted without a directory before it.
func alone(r *http.Request) {
	os.Open(path.Clean("/" + r.URL.Path)) // want `BW001: os.Open`
}

// below is checked with a separator.
func below(r *http.Request) {
	name := filepath.Join(root, r.FormValue("a"))
	if !strings.HasPrefix(name, root+"/") {
		return
	}
	os.Open(name) // want `BW015: os.Open`
}

// characters checks each one.
func characters(r *http.Request) {
	name := r.FormValue("a")
	for _, c := range name {
		if c < 'a' || c > 'z' {
			return
		}
	}
	os.Open(filepath.Join(root, name))
}

// slashed has a slash at the beginning, whoever wrote it.
func slashed(r *http.Request) {
	name := r.FormValue("a")
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	os.Open(filepath.Join(root, path.Clean(name))) // want `BW015: os.Open`
	name = r.FormValue("b")
	if !strings.HasPrefix(name, "x") {
		name = "/" + name
	}
	os.Open(filepath.Join(root, path.Clean(name))) // want `BW001: os.Open`
}
