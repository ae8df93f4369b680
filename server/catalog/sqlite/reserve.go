package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// reserveSize is the most by which the log and the file can grow before the log is
// reset, which happens at logPages.
const (
	reserveSize = logPages*4096 + 256<<10
	logPages    = 256
)

// A reserve is a file with spare space for removals. Every removal adds to the log, so
// on a full disk nobody could otherwise remove an upload to free space.
//
// Its existence is checked on disk each time, because several processes share it.
type reserve struct {
	path    string
	catalog string
	mu      sync.Mutex // prevents refilling what was just released for a removal
}

// reserveOf returns the reserve of the catalog in the file path.
func reserveOf(path string) *reserve { return &reserve{path: path + suffixReserve, catalog: path} }

// fill creates the reserve if it is missing. It fails only if there is no space.
func (r *reserve) fill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if info, err := os.Lstat(r.path); err == nil && info.Size() >= reserveSize {
		return nil
	}
	err := r.write()
	if err == nil {
		return nil
	}
	_ = os.Remove(r.path)
	if !isFull(err) {
		return nil // a catalog works without a reserve
	}
	return fmt.Errorf("%w: no space for the reserve that removals need: %w", catalog.ErrFull, err)
}

func (r *reserve) write() error {
	_ = os.Remove(r.path)
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
	if err != nil {
		return err
	}
	// Some file systems allocate no space for zeros.
	data := make([]byte, reserveSize)
	rand.Read(data)
	_, err = f.Write(data)
	return errors.Join(err, f.Close(), chownLike(r.path, r.catalog))
}

// spend releases the reserve's space, if any, and then calls f.
func (r *reserve) spend(f func() error) (spent bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if os.Remove(r.path) != nil {
		return false, nil
	}
	// The process keeps descriptors of its own files in order to recognize them. The space
	// is free only when this descriptor is closed.
	ownfile.Settle()
	return true, f()
}

// takesRoom reports whether a statement only adds rows. Such a statement must not use
// the reserve.
func takesRoom(query string) bool { return strings.HasPrefix(query, "INSERT ") }
