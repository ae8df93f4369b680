package sqlite_test

import (
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Uploads are stored under random names; the catalog keeps the names that users gave
// them, and returns these as the names of downloads.
func ExampleOpen() {
	if err := uploads(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 201
	// inline; filename=_.._cat.png; filename*=UTF-8''_.._cat.png
}

func uploads() error {
	dir, err := os.MkdirTemp("", "uploads")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, "objects"), 0o700); err != nil {
		return err
	}

	files, err := disk.New(filepath.Join(dir, "objects"), disk.Options{Writable: true})
	if err != nil {
		return err
	}
	defer files.Close()
	jail, err := vfs.New(files, catalog.Policy())
	if err != nil {
		return err
	}
	// The source identifies whose rows, among several sources, this catalog has.
	cat, err := sqlite.Open(context.Background(), filepath.Join(dir, "catalog.db"), catalog.Source("objects"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer cat.Close()
	handler := server.NewUploads(jail, cat, server.UploadConfig{})

	// A form as sent by a browser.
	var body strings.Builder
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "../../cat.png")
	if err != nil {
		return err
	}
	fmt.Fprint(part, "\x89PNG\r\n\x1a\n")
	if err := form.Close(); err != nil {
		return err
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body.String()))
	r.Header.Set("Content-Type", form.FormDataContentType())
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)

	download := httptest.NewRecorder()
	handler.ServeHTTP(download, httptest.NewRequest(http.MethodGet, w.Header().Get("Location"), nil))
	fmt.Println(download.Header().Get("Content-Disposition"))
	return nil
}
