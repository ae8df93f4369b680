package filestore

import (
	"io/fs"
	"path"
	"strings"
)

// FindLink looks for the first symbolic link among the elements of name, from
// the top down, and reports whether there is one. target is then the name that
// results when the link is replaced by where it leads, as LinkTarget has it.
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
			return "", true, nil // it is refused, wherever it leads
		}
		return LinkTarget(name[:i], text, name[i:]), true, nil
	}
	return "", false, nil
}

// LinkTarget returns the name to which the link called link leads, with the text
// target, where rest follows it in the name that was asked for: "" or beginning
// with a slash. It is "." for the top, and "" for what is outside or absolute.
func LinkTarget(link, target, rest string) string {
	if target == "" || target[0] == '/' {
		return ""
	}
	var elems []string
	if dir := path.Dir(link); dir != "." {
		elems = strings.Split(dir, "/")
	}
	sure := len(elems) // these are directories, and no links
	for elem := range strings.SplitSeq(target+rest, "/") {
		switch elem {
		case "", ".":
		case "..":
			// What ".." means after an element of the target depends on whether
			// that one is a link; before, it means the directory above.
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
