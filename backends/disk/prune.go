package disk

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// removeUp removes the directories elems, each of which is in the previous one, from
// the last upwards, as long as they are empty and not the process's own. It returns the
// directory from which the last one was removed, to be closed by the caller; nil if
// none was.
//
// A name can have hundreds of directories. Walking down to each anew would take
// quadratic time, and keeping all open would take as many descriptors. So each round
// keeps twice as many directories open as the previous one, up to maxOpen.
func removeUp(top folder, elems []string) (changed folder) {
	for size := 1; len(elems) > 0; size *= 2 {
		size = min(size, len(elems), maxOpen)
		above, err := openLast(top, elems[:len(elems)-1], size)
		if err != nil {
			return changed
		}
		for i, dir := range slices.Backward(above) {
			elem := elems[len(elems)-1]
			if !removable(dir, elem) || dir.rmdir(elem) != nil {
				closeAll(above[:i+1])
				return changed
			}
			elems = elems[:len(elems)-1]
			if changed != nil {
				changed.close()
			}
			changed = dir
		}
	}
	return changed
}

// maxOpen bounds the number of directories open at a time for one name.
const maxOpen = 64

func removable(dir folder, elem string) bool {
	if !ownfile.Holds() {
		return true
	}
	st, err := dir.lstat(elem)
	return err == nil && !ownfile.Is(st.id)
}

// openLast walks down through elems and returns the last n directories on the path,
// which begins with top.
func openLast(top folder, elems []string, n int) (dirs []folder, err error) {
	dir, err := top.open(".")
	if err != nil {
		return nil, err
	}
	dirs = append(dirs, dir)
	for _, elem := range elems {
		next, err := dir.open(elem)
		if err != nil {
			closeAll(dirs)
			return nil, err
		}
		if len(dirs) == n {
			dirs[0].close()
			dirs = slices.Delete(dirs, 0, 1)
		}
		dirs = append(dirs, next)
		dir = next
	}
	return dirs, nil
}

func closeAll(dirs []folder) {
	for _, dir := range dirs {
		dir.close()
	}
}
