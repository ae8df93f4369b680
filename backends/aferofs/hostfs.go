package aferofs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"syscall"

	"github.com/spf13/afero"
	"github.com/spf13/afero/tarfs"
	"github.com/spf13/afero/zipfs"
)

var (
	errZip   = errors.New("aferofs: zipfs.Fs finds nothing in a directory that has no entry of its own, as most archives have none: use vfs.FromFS with the zip.Reader")
	errCache = errors.New("aferofs: CacheOnReadFs shows others a part of a file while it copies that into its layer: serve what is below it")
	errTar   = errors.New("aferofs: tarfs.Fs has one reader for all who open a file, so that a second one gets nothing: copy the archive to a backends/mem, or to an afero.MemMapFs")
)

var errHost = errors.New("aferofs: this file system reaches the host's own by path names, where a link that is put in at the right moment leads anywhere: use backends/disk, or accept that with Options.Unsafe")

// The types that open the host's files by path name.
var hostTypes = []reflect.Type{
	reflect.TypeFor[afero.OsFs](),
	reflect.TypeOf(os.DirFS(".")),
}

// The types that cannot write, or not all that they show: a RegexpFs asks whether a file
// is there before it makes one, and a CopyOnWriteFs never removes what is below its
// layer.
var readOnlyTypes = []reflect.Type{
	reflect.TypeFor[afero.ReadOnlyFs](),
	reflect.TypeFor[afero.RegexpFs](),
	reflect.TypeFor[afero.FromIOFS](),
	reflect.TypeFor[afero.CopyOnWriteFs](),
	reflect.TypeFor[jailFs](),
}

// What can hold a file system for its own use.
var fsTypes = [...]reflect.Type{
	reflect.TypeFor[afero.Fs](),
	reflect.TypeFor[fs.FS](),
}

// checkKind fails for a file system that cannot be served, and for one that reaches
// the host's, unless that is allowed.
func checkKind(fsys afero.Fs, unsafe bool) error {
	switch {
	case !unsafe && reachesHost(fsys):
		return errHost
	case holds(fsys, reflect.TypeFor[afero.CacheOnReadFs]()):
		return errCache
	case holds(fsys, reflect.TypeFor[zipfs.Fs]()):
		return errZip
	case holds(fsys, reflect.TypeFor[tarfs.Fs]()):
		return errTar
	}
	return nil
}

// reachesHost reports whether fsys is the host's file system or holds it.
func reachesHost(fsys afero.Fs) bool { return holds(fsys, hostTypes...) }

// isReadOnly reports whether fsys is, or holds, what is known not to take a Put.
func isReadOnly(fsys afero.Fs) bool { return holds(fsys, readOnlyTypes...) }

// holds reports whether fsys is one of the types, or holds one for its own use.
func holds(fsys afero.Fs, types ...reflect.Type) bool {
	s := search{types, map[any]bool{}}
	return s.in(reflect.ValueOf(fsys))
}

// A search remembers the pointers that were followed, since wrappers can form a
// circle.
type search struct {
	types []reflect.Type
	seen  map[any]bool
}

// in looks at v, then into it if it is a file system, or a container that can
// hold one.
func (s *search) in(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return !v.IsNil() && s.in(v.Elem())
	case reflect.Pointer:
		if v.IsNil() || !isFs(v.Type()) || s.seen[v.Pointer()] {
			return false
		}
		s.seen[v.Pointer()] = true
		return s.in(v.Elem())
	case reflect.Invalid:
		return false
	}
	if slices.Contains(s.types, v.Type()) {
		return true
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if s.in(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := 0; mayHold(v.Type()) && i < v.Len(); i++ {
			if s.in(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); mayHold(v.Type()) && it.Next(); {
			if s.in(it.Value()) {
				return true
			}
		}
	}
	return false
}

// mayHold reports whether elements of the container t can be file systems. It
// keeps the search out of the contents of files.
func mayHold(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Interface || isFs(t.Elem())
}

func isFs(t reflect.Type) bool {
	for _, fsType := range fsTypes {
		if t.Implements(fsType) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(fsType) {
			return true
		}
	}
	return false
}

// checkDir fails if path cannot be opened as a directory.
func checkDir(fsys afero.Fs, path string) error {
	f, err := fsys.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && !st.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	return err
}

// checkSlashes fails for a MemMapFs in which a name without a leading slash was
// made. Its directories list such a name as if it had one.
func checkSlashes(fsys afero.Fs) error {
	m, ok := fsys.(*afero.MemMapFs)
	if !ok {
		return nil
	}
	list, err := afero.ReadDir(m, "/")
	if err != nil {
		return fmt.Errorf("aferofs: reading the top directory: %w", err)
	}
	for i, st := range list {
		_, err := m.Stat("/" + st.Name())
		if err != nil || i > 0 && list[i-1].Name() == st.Name() {
			return fmt.Errorf("aferofs: %q was made without a leading slash, and MemMapFs does not find it by %q: make it with one", st.Name(), "/"+st.Name())
		}
	}
	return nil
}
