package filestore

import (
	"io/fs"
	"path"
	"strings"
)

// FindLink searches the elements of name, from the top down, for a symbolic link and
// reports whether it found one. target is then the name with the first link replaced by
// its target, as LinkTarget computes it.
func FindLink(name string, lstat func(string) (fs.FileInfo, error), readlink func(string) (string, error)) (target string, found bool, err error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		st, err := lstat(name[:i])
		if err != nil {
			return "", false, err
		}
		if st.Mode().Type() != fs.ModeSymlink {
			continue
		}
		text, err := readlink(name[:i])
		if err != nil {
			return "", true, nil // refused, wherever it leads
		}
		return LinkTarget(name[:i], text, name[i:]), true, nil
	}
	return "", false, nil
}

// LinkTarget returns the name that a link leads to. link is the link's name, target its
// text, and rest the remainder of the requested name: "" or beginning with a slash. It
// returns "." for the top, and "" if the target is outside or absolute.
func LinkTarget(link, target, rest string) string {
	if target == "" || target[0] == '/' {
		return ""
	}
	var elems []string
	if dir := path.Dir(link); dir != "." {
		elems = strings.Split(dir, "/")
	}
	sure := len(elems) // known to be directories, not links
	for elem := range strings.SplitSeq(target+rest, "/") {
		switch elem {
		case "", ".":
		case "..":
			// After an element of the target, the meaning of ".." depends on whether
			// that element is a link; before, it means the parent directory.
			if len(elems) == 0 || len(elems) > sure {
				return ""
			}
			elems = elems[:len(elems)-1]
			sure = len(elems)
		default:
			elems = append(elems, elem)
		}
	}
	if len(elems) == 0 {
		return "."
	}
	return strings.Join(elems, "/")
}
