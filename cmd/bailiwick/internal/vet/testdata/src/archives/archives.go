// Package archives unpacks.
package archives

import (
	"archive/tar"
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func unzip(r *zip.Reader, dir string) {
	for _, f := range r.File {
		path := filepath.Join(dir, f.Name)
		os.MkdirAll(filepath.Dir(path), 0o700) // want `BW010: os.MkdirAll`
		os.Create(path)                        // the same name
	}
}

func untar(r *tar.Reader, dir string, root *os.Root) {
	for {
		h, err := r.Next()
		if err != nil {
			return
		}
		os.OpenFile(filepath.Join(dir, h.Name), os.O_CREATE|os.O_WRONLY, 0o600) // want `BW010: os.OpenFile`
		os.Symlink(h.Linkname, "fixed")
		if f, err := root.Create(h.Name); err == nil {
			io.Copy(f, r)
		}
		if !filepath.IsLocal(h.Name) || strings.Contains(h.Name, "skip") {
			continue
		}
		os.Create(filepath.Join(dir, h.Name))
	}
}

// pack makes an archive.
func pack(w *tar.Writer, names []string) {
	for _, name := range names {
		h := &tar.Header{}
		h.Name = name
		os.Create(h.Name)
		w.WriteHeader(h)
	}
}
