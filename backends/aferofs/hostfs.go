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
	errZip   = errors.New("aferofs: zipfs.Fs finds nothing in a directory without an entry of its own, and most archives have no such entries: use vfs.FromFS with the zip.Reader")
	errCache = errors.New("aferofs: CacheOnReadFs shows other readers an incomplete file while it copies it into its layer: serve its base instead")
	errTar   = errors.New("aferofs: tarfs.Fs has only one reader per file, so that a second reader gets nothing: copy the archive to a backends/mem, or to an afero.MemMapFs")
)

var errHost = errors.New("aferofs: this file system accesses the host's files by path name, so a link created at the right moment can lead anywhere: use backends/disk, or accept the risk with Options.Unsafe")

// hostTypes open the host's files by path name.
var hostTypes = []reflect.Type{
	reflect.TypeFor[afero.OsFs](),
	reflect.TypeOf(os.DirFS(".")),
}

// readOnlyTypes cannot write, or not everything that they show: a RegexpFs checks that
// a file exists before it creates it, and a CopyOnWriteFs cannot remove what is below
// its layer.
var readOnlyTypes = []reflect.Type{
	reflect.TypeFor[afero.ReadOnlyFs](),
	reflect.TypeFor[afero.RegexpFs](),
	reflect.TypeFor[afero.FromIOFS](),
	reflect.TypeFor[afero.CopyOnWriteFs](),
	reflect.TypeFor[jailFs](),
}

// fsTypes are the types of fields that can contain a file system.
var fsTypes = [...]reflect.Type{
	reflect.TypeFor[afero.Fs](),
	reflect.TypeFor[fs.FS](),
}

// checkKind fails for a file system that cannot be served, and, unless unsafe is set,
// for one that reaches the host's.
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

// reachesHost reports whether fsys is or contains the host's file system.
func reachesHost(fsys afero.Fs) bool { return holds(fsys, hostTypes...) }

// isReadOnly reports whether fsys is or contains a type known not to support Put.
func isReadOnly(fsys afero.Fs) bool { return holds(fsys, readOnlyTypes...) }

// holds reports whether fsys is one of the types or contains one.
func holds(fsys afero.Fs, types ...reflect.Type) bool {
	s := search{types, map[pointer]bool{}}
	return s.in(reflect.ValueOf(fsys))
}

// A search records the pointers already followed, since wrappers can form a cycle.
type search struct {
	types []reflect.Type
	seen  map[pointer]bool
}

// A pointer has a type, since everything without a size, such as an OsFs, can have one
// address.
type pointer struct {
	to reflect.Type
	at uintptr
}

// in checks v, and then its fields or elements if it is a file system, or a container
// that can hold one.
func (s *search) in(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return !v.IsNil() && s.in(v.Elem())
	case reflect.Pointer:
		p := pointer{v.Type(), v.Pointer()}
		if v.IsNil() || !isFs(v.Type()) || s.seen[p] {
			return false
		}
		s.seen[p] = true
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

// mayHold reports whether elements of the container t can be file systems. It keeps the
// search out of file contents.
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

// checkSlashes fails for a MemMapFs in which a name was created without a leading
// slash. Its directories list such a name as if it had one.
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
			return fmt.Errorf("aferofs: %q was created without a leading slash, so MemMapFs does not find it as %q: create it with a leading slash", st.Name(), "/"+st.Name())
		}
	}
	return nil
}
