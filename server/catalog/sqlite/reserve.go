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

// reserveSize is what all may take that the log and the file grow by before the log
// begins anew, which it does at logPages.
const (
	reserveSize = logPages*4096 + 256<<10
	logPages    = 256
)

// A reserve is a file that holds room for removals. Each is an entry in the log: on a
// full disk nobody could otherwise remove an upload, and so make room.
//
// It is looked for on the disk each time, since several processes have it in common.
type reserve struct {
	path    string
	catalog string
	mu      sync.Mutex // so that nobody fills what was just released for a removal
}

// reserveOf returns the reserve of the catalog in the file path.
func reserveOf(path string) *reserve { return &reserve{path: path + suffixReserve, catalog: path} }

// fill sees to it that the reserve is there. It fails only if there is no room.
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
		return nil // a catalog works without
	}
	return fmt.Errorf("%w: no room for the reserve that removals need: %w", catalog.ErrFull, err)
}

func (r *reserve) write() error {
	_ = os.Remove(r.path)
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
	if err != nil {
		return err
	}
	// Some file systems keep no room for zeros.
	data := make([]byte, reserveSize)
	rand.Read(data)
	_, err = f.Write(data)
	return errors.Join(err, f.Close(), giveAway(r.path, r.catalog))
}

// spend gives the room away and then calls f, if there was any.
func (r *reserve) spend(f func() error) (spent bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if os.Remove(r.path) != nil {
		return false, nil
	}
	// The process keeps hold of its own files, to know them again. Until it lets go of
	// this one, its room is not free.
	ownfile.Settle()
	return true, f()
}

// takesRoom reports whether a statement is one that only adds. Such ones leave the
// reserve to others.
func takesRoom(query string) bool { return strings.HasPrefix(query, "INSERT ") }
