package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A careful handler serves files as one should be written by hand, and has no hole but those
// that are switched on.
type careful struct {
	dir   string
	root  *os.Root
	rules *vfs.Jail
	hole  string
}

func newCareful(t *testing.T, dir string, allow []string, hole string) *careful {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	jail, err := vfs.New(vfs.FromFS(root.FS()), vfs.Policy{Allow: vfs.Patterns(allow...)})
	if err != nil {
		t.Fatal(err)
	}
	return &careful{dir: dir, root: root, rules: jail, hole: hole}
}

func (h *careful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.hole != "method" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if h.hole != "sniff" {
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	switch h.hole {
	case "panic":
		if strings.Contains(r.URL.Path, "\x00") {
			panic("NUL")
		}
	case "redirect":
		// Adds the slash of a directory to the path as it was sent.
		if p := path.Clean("/" + r.URL.Path); !strings.HasSuffix(r.URL.Path, "/") && h.isDir(p) {
			w.Header().Set("Location", r.URL.Path+"/")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
	case "redirect of a hidden directory":
		if info, err := h.root.Stat(strings.TrimPrefix(r.URL.Path, "/")); err == nil && info.IsDir() {
			w.Header().Set("Location", "./"+path.Base(r.URL.Path)+"/")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
	case "listing":
		if h.list(w, r) {
			return
		}
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if h.hole == "double-decode" {
		if twice, err := url.PathUnescape(name); err == nil {
			name = twice
		}
	}
	allowed := h.allows(name)
	switch h.hole {
	case "legal":
		allowed = allowed && !strings.Contains(name, " ")
	case "escape":
		allowed = allowed || !strings.Contains(strings.ReplaceAll(name, "..", ""), ".") && strings.HasPrefix(name, "..") || strings.HasPrefix(name, "../")
	case "hidden":
		// Checks the path as it was sent, and cleans it afterwards.
		allowed = allowed || strings.HasPrefix(name, "public/") && !strings.Contains(name, "/.d") && !strings.Contains(name, "/.e") && !strings.Contains(name, "/.g") && !strings.Contains(name, "/.c")
		name = strings.TrimPrefix(path.Clean("/"+name), "/")
		allowed = allowed && !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.")
	case "dotfile":
		allowed = allowed || fs.ValidPath(name) && strings.Contains("/"+name, "/.")
	}
	if !allowed {
		h.refuse(w, r, name)
		return
	}
	f, info, err := h.open(name)
	if err != nil {
		if h.hole == "error" && !errors.Is(err, fs.ErrNotExist) {
			http.Error(w, "error", http.StatusInternalServerError)
			return
		}
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	defer f.Close()
	switch h.hole {
	case "range":
		if h.ranges(w, r, f, info) {
			return
		}
	case "header":
		w.Header().Set("Content-Disposition", `attachment; filename="`+path.Base(name)+`"`)
	}
	if len(r.Header.Values("Range")) > 0 && strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range")
	}
	if h.hole == "method" {
		r.Method = http.MethodGet
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if path.Ext(name) == ".html" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// allows is the rule for all but holes.
func (h *careful) allows(name string) bool {
	n, err := vfs.ParseName(name)
	return err == nil && h.rules.Explain(context.Background(), vfs.OpRead, n).Allowed
}

func (h *careful) isDir(p string) bool {
	info, err := h.root.Stat(strings.TrimPrefix(p, "/"))
	n, bad := vfs.ParseName(strings.TrimPrefix(p, "/"))
	return err == nil && info.IsDir() && bad == nil && h.rules.Explain(context.Background(), vfs.OpList, n).Allowed
}

func (h *careful) refuse(w http.ResponseWriter, r *http.Request, name string) {
	if info, err := h.root.Lstat(name); err == nil {
		switch h.hole {
		case "403":
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		case "length":
			http.Error(w, "not found.", http.StatusNotFound)
			return
		case "etag":
			w.Header().Set("Etag", fmt.Sprintf(`"%x"`, info.Size()))
		case "304":
			if r.Header.Get("If-Modified-Since") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
	}
	http.Error(w, "not found", http.StatusNotFound)
}

// open opens a regular file, without links on its path.
func (h *careful) open(name string) (*os.File, fs.FileInfo, error) {
	full := filepath.Join(h.dir, filepath.FromSlash(name))
	if h.hole == "escape" && strings.HasPrefix(name, "..") {
		return opened(os.Open(full))
	}
	if h.hole != "symlink" {
		at := ""
		for elem := range strings.SplitSeq(name, "/") {
			at = path.Join(at, elem)
			info, err := h.root.Lstat(at)
			switch {
			case err != nil:
				return nil, nil, fs.ErrNotExist
			case info.Mode().Type() == fs.ModeSymlink && h.hole == "error":
				return nil, nil, syscall.ELOOP
			case info.Mode().Type() == fs.ModeSymlink:
				return nil, nil, fs.ErrNotExist
			}
		}
	}
	info, err := os.Stat(full)
	if h.hole == "thread" && err == nil && info.Mode().Type() == fs.ModeNamedPipe {
		// The client gets its response, and the thread stays.
		go func() {
			if f, err := h.root.Open(name); err == nil {
				f.Close()
			}
		}()
		return nil, nil, fs.ErrNotExist
	}
	if err != nil || !info.Mode().IsRegular() && h.hole != "hang" {
		return nil, nil, fs.ErrNotExist
	}
	if h.hole == "symlink" {
		return opened(os.Open(full))
	}
	return opened(h.root.Open(name))
}

func opened(f *os.File, err error) (*os.File, fs.FileInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = syscall.EINVAL
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// list lists the directories of the rules, with all that is in them.
func (h *careful) list(w http.ResponseWriter, r *http.Request) bool {
	dir, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !ok || !h.isDir(dir) {
		return false
	}
	entries, err := fs.ReadDir(h.root.FS(), dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		fmt.Fprintf(w, "%q\n", e.Name())
	}
	return true
}

// ranges answers each range, however many there are.
func (h *careful) ranges(w http.ResponseWriter, r *http.Request, f *os.File, info fs.FileInfo) bool {
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok {
		return false
	}
	w.WriteHeader(http.StatusPartialContent)
	for one := range strings.SplitSeq(spec, ",") {
		var from, to int64
		if n, _ := fmt.Sscanf(one, "%d-%d", &from, &to); n < 2 {
			to = info.Size() - 1
		}
		if from < 0 || to < from {
			continue
		}
		if _, err := io.Copy(w, io.NewSectionReader(f, from, to-from+1)); err != nil {
			return true
		}
	}
	return true
}
