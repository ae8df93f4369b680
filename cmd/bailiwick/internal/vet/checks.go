package vet

import (
	"go/token"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// checks reports checks of paths that do not hold.
func (r *report) checks() {
	for instr := range r.instructions() {
		call, ok := instr.(*ssa.Call)
		if !ok {
			continue
		}
		switch calleeName(call.Common()) {
		case "strings.Replace", "strings.ReplaceAll":
			r.removesDots(call)
		case "strings.HasPrefix":
			r.comparesPrefix(call)
		case "path/filepath.EvalSymlinks":
			r.resolvesFirst(call)
		}
	}
}

// removesDots reports the removal of ../, after which there can be another one.
func (r *report) removesDots(call *ssa.Call) {
	old, _ := text(call.Call.Args[1])
	if new, ok := text(call.Call.Args[2]); !ok || new != "" {
		return
	}
	if strings.Contains(old, "../") || strings.Contains(old, `..\`) {
		r.add(removedDots, call.Pos(), "what is left after the removal of %q can contain it again (....//); refuse such a name, or use an os.Root", old)
	}
}

// comparesPrefix reports a path that is compared with a directory without a separator at
// the end.
func (r *report) comparesPrefix(call *ssa.Call) {
	path, root := call.Call.Args[0], call.Call.Args[1]
	if !isPath(path, 0) || separated(root, 0) {
		return
	}
	r.add(prefixCheck, call.Pos(), "a path that begins with a directory's name need not be below it (www and www-private), and links are not seen; use an os.Root")
}

// isPath reports whether v was made by a function that cleans or resolves paths.
func isPath(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	switch v := v.(type) {
	case *ssa.Extract:
		return v.Index == 0 && isPath(v.Tuple, depth+1)
	case *ssa.Call:
		switch calleeName(v.Common()) {
		case "path/filepath.Clean", "path/filepath.Join", "path/filepath.Abs", "path/filepath.EvalSymlinks":
			return true
		}
	}
	return false
}

// separated reports whether a prefix ends in a separator, or is none of a directory.
func separated(v ssa.Value, depth int) bool {
	if depth > 6 {
		return false
	}
	if s, ok := text(v); ok {
		return !strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/")
	}
	switch v := v.(type) {
	case *ssa.BinOp:
		return v.Op == token.ADD && separated(v.Y, depth+1)
	case *ssa.Convert:
		return separated(v.X, depth+1)
	case *ssa.Phi:
		for _, edge := range v.Edges {
			if separated(edge, depth+1) {
				return true
			}
		}
	}
	return false
}

// resolvesFirst reports a path that is resolved and checked, and then opened by its name.
func (r *report) resolvesFirst(call *ssa.Call) {
	resolved := resultOf(call, 0, 2)
	if resolved == nil {
		return
	}
	var checked bool
	var opened ssa.CallInstruction
	for _, ref := range *resolved.Referrers() {
		use, ok := ref.(ssa.CallInstruction)
		if !ok {
			continue
		}
		switch name := calleeName(use.Common()); name {
		case "strings.HasPrefix", "path/filepath.Rel":
			checked = true
		default:
			s, ok := sinks[name]
			if ok && s.id != keyByName && !looksOnly[shortName(name)] && opened == nil {
				opened = use
			}
		}
	}
	if !checked || opened == nil {
		return
	}
	for _, f := range r.found {
		if f.pos == opened.Pos() {
			return
		}
	}
	r.add(checkThenOpen, opened.Pos(), "%s opens by its name what filepath.EvalSymlinks resolved before: a link can be there by now; open it in an os.Root", shortName(calleeName(opened.Common())))
}
