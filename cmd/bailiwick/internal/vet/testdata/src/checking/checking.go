// Package checking has checks of paths.
package checking

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

var root = os.Args[1]

func removes(r *http.Request) {
	name := strings.Replace(r.URL.Path, "../", "", -1)     // want `BW008: `
	os.Open(filepath.Join(root, name))                     // want `BW001: `
	name = strings.ReplaceAll(r.FormValue("b"), `..\`, "") // want `BW008: `
	_ = name
	_ = strings.ReplaceAll(r.URL.Path, "/", "_")
	// Without any "..", only links are left.
	os.Open(filepath.Join(root, strings.ReplaceAll(r.FormValue("c"), "..", ""))) // want `BW015: `
}

func prefixed(r *http.Request) {
	name := filepath.Clean(filepath.Join(root, r.FormValue("a")))
	if !strings.HasPrefix(name, root) { // want `BW009: `
		return
	}
	if strings.HasPrefix(r.URL.Path, "/static/") || strings.HasPrefix(name, root+string(filepath.Separator)) {
		return
	}
}

func resolved(dir, name string) (*os.File, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(dir, name))
	if err != nil || !strings.HasPrefix(path, dir+"/") {
		return nil, os.ErrNotExist
	}
	return os.Open(path) // want `BW013: os.Open opens by its name`
}

func lookedUp(r *http.Request) {
	name := filepath.Join(root, filepath.Base(r.FormValue("a")))
	st, err := os.Lstat(name)
	if err != nil || !st.Mode().IsRegular() {
		return
	}
	os.Open(name) // want `BW013: os.Open`
}

// configured is no name from outside.
func configured(name string) {
	if _, err := os.Stat(name); err == nil {
		os.Open(name)
	}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		os.Open(path)
	}
}
