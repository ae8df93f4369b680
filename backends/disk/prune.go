package disk

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// removeUp removes the directories elems, each of which lies in the one before, from
// the last one up, as far as they are empty and not the process's own. It returns the
// one out of which the last was taken, which the caller closes; nil if none was.
//
// A name can have hundreds of directories: to go down to each anew would take their
// square, and to keep all open as many descriptors. So as many are kept open as were
// removed before.
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

// maxOpen bounds how many directories are open at a time for one name.
const maxOpen = 64

func removable(dir folder, elem string) bool {
	if !ownfile.Holds() {
		return true
	}
	st, err := dir.lstat(elem)
	return err == nil && !ownfile.Is(st.id)
}

// openLast goes down through elems and returns the last n directories on that way, top
// included.
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
