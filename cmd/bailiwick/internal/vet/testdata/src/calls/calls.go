// Package calls follows names through functions.
package calls

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const root = "/srv/files"

func handler(w http.ResponseWriter, r *http.Request) {
	show(r.URL.Query().Get("f"))
	os.Open(locate(r.FormValue("f"))) // want `BW001: os.Open`
	os.Open(locate("fixed"))
	os.Open(nameOf(r)) // want `BW001: os.Open`
	if name, err := resolve(r.FormValue("g")); err == nil {
		os.Open(name) // want `BW015: os.Open`
	}
	if isKnown(r.FormValue("h")) {
		os.Open(r.FormValue("h"))
	}
	if err := validate(r.FormValue("i")); err != nil {
		return
	}
	os.Open(filepath.Join(root, r.FormValue("i"))) // want `BW015: os.Open`
	func() {
		os.Open(r.FormValue("j")) // want `BW001: os.Open`
	}()
	k := r.FormValue("k")
	defer func() { os.Remove(k) }() // want `BW002: os.Remove`
	var o opener = disk{}
	o.open(r.FormValue("l"))
}

func show(name string) {
	read(filepath.Join(root, name))
}

func read(path string) {
	os.ReadFile(path) // want `BW001: os.ReadFile .*http.Request.URL`
}

func locate(name string) string { return filepath.Join(root, name) }

func nameOf(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/") }

func resolve(name string) (string, error) {
	if strings.Contains(name, "..") {
		return "", errors.New("bad name")
	}
	return filepath.Join(root, name), nil
}

func isKnown(name string) bool { return name == "a" || name == "b" }

func validate(name string) error {
	if !filepath.IsLocal(name) {
		return errors.New("bad name")
	}
	return nil
}

type opener interface{ open(string) }

type disk struct{}

func (disk) open(name string) {
	os.Open(name) // want `BW001: os.Open`
}

// decoded shows that decoding is no check, though it fails for some names.
func decoded(r *http.Request) {
	name, err := url.QueryUnescape(r.URL.Path)
	if err != nil {
		return
	}
	os.Open(filepath.Join(root, name)) // want `BW001: os.Open`
}

// split checks an element, and uses it when it is written again.
func split(r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) < 2 || !isID(parts[0]) || !isPlain(parts[1]) {
		return
	}
	os.Open(filepath.Join(root, parts[0]))
	os.Open(filepath.Join(root, parts[1])) // want `BW015: os.Open`
}

// isID compares with what is made of the decoded bytes.
func isID(id string) bool {
	decoded, err := hex.DecodeString(id)
	return err == nil && len(decoded) == 16 && hex.EncodeToString(decoded) == id
}

func isPlain(name string) bool { return !strings.Contains(name, "..") }
