package ownfile

import (
	"os"
	"syscall"
)

// oPath is O_PATH, which package syscall does not have. It is the same on every
// architecture that Go runs on.
const oPath = 0x200000

// pinAt finds what is at path, links followed. A descriptor of O_PATH does not open
// the file: nothing is read, no lock ends when it is closed, and a FIFO's writer does
// not notice. But it keeps the inode.
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

// dropGone takes out what has no name any more: nobody can reach it.
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
