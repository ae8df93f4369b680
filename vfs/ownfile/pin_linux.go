package ownfile

import (
	"os"
	"syscall"
)

// oPath is O_PATH, which package syscall lacks. It is the same on every architecture
// that Go supports.
const oPath = 0x200000

// pinAt pins the file at path, following links. A descriptor with O_PATH does not open
// the file: nothing is read, closing it releases no lock, and the writer of a FIFO does
// not notice. But it keeps the inode alive.
func pinAt(path string) (pin, bool) {
	f, err := os.OpenFile(path, oPath, 0)
	if err != nil {
		return pin{}, false
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return pin{}, false
	}
	return pin{idOf(st), path, f}, true
}

// dropGone removes pins of files without a name: nobody can reach them.
func dropGone(pins []pin) []pin {
	kept := pins[:0]
	for _, p := range pins {
		st, err := p.at.Stat()
		if sys, ok := sysOf(st, err); ok && sys.Nlink == 0 {
			p.close()
			continue
		}
		kept = append(kept, p)
	}
	clear(pins[len(kept):])
	return kept
}

func sysOf(st os.FileInfo, err error) (*syscall.Stat_t, bool) {
	if err != nil {
		return nil, false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return sys, ok
}
