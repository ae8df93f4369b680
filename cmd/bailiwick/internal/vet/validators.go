package vet

import (
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// check adds the checks of one alias.
func (g *guards) check(a alias, aliases []alias, cut cuts) {
	refs := a.v.Referrers()
	if refs == nil {
		return
	}
	for _, ref := range *refs {
		switch ref := ref.(type) {
		case *ssa.BinOp:
			g.compared(ref, a, aliases, cut)
		case *ssa.Lookup:
			if ref.Index == a.v && a.same && ref.X != a.v {
				g.lookedUp(ref, cut)
			}
		case *ssa.Range:
			checkedByCharacter(ref, cut)
		case *ssa.Call:
			g.calledToCheck(ref, a, cut)
		}
	}
}

// compared adds comparisons with a string that the program knows.
func (g *guards) compared(op *ssa.BinOp, a alias, aliases []alias, cut cuts) {
	if op.Op != token.EQL && op.Op != token.NEQ {
		return
	}
	other := op.X
	if other == a.v {
		other = op.Y
	}
	if b, ok := other.Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsString == 0 {
		return
	}
	lv := clean
	if g.flow.facts[other] != nil {
		// x == filepath.Base(x), x == path.Clean("/"+x)
		call, ok := other.(*ssa.Call)
		if !ok || !a.same {
			return
		}
		if after, ok := passes(call.Common(), nil, raw); !ok || after != textual {
			return
		}
		lv = textual
	} else if s, isText := text(other); !a.same && !(isText && a.cleaned) {
		return
	} else if isText && s == ".." {
		return
	}
	whenTrue(op, op.Op == token.EQL, lv, cut)
}

// lookedUp adds a look-up of the name in a map.
func (g *guards) lookedUp(lookup *ssa.Lookup, cut cuts) {
	if _, ok := lookup.X.Type().Underlying().(*types.Map); !ok {
		return
	}
	if !lookup.CommaOk {
		nonZero(lookup, cut)
		return
	}
	for _, ref := range *lookup.Referrers() {
		if extract, ok := ref.(*ssa.Extract); ok {
			if extract.Index == 1 {
				whenTrue(extract, true, clean, cut)
			} else {
				nonZero(extract, cut)
			}
		}
	}
}

// checkedByCharacter adds the end of a loop over the characters that has a branch.
func checkedByCharacter(loop *ssa.Range, cut cuts) {
	for _, ref := range *loop.Referrers() {
		next, ok := ref.(*ssa.Next)
		if !ok || !next.IsString {
			continue
		}
		for _, ref := range *next.Referrers() {
			ok, is := ref.(*ssa.Extract)
			if !is || ok.Index != 0 {
				continue
			}
			for _, ref := range *ok.Referrers() {
				branch, is := ref.(*ssa.If)
				if is && len(branch.Block().Succs[0].Instrs) > 0 {
					if _, decides := branch.Block().Succs[0].Instrs[len(branch.Block().Succs[0].Instrs)-1].(*ssa.If); decides {
						cut.add(edge{branch.Block(), 1}, clean)
					}
				}
			}
		}
	}
}

// calledToCheck adds the branches on the result of a call that checks.
func (g *guards) calledToCheck(call *ssa.Call, a alias, cut cuts) {
	common := call.Common()
	name := calleeName(common)
	args := arguments(common)
	first := len(args) > 0 && args[0] == a.v
	constant, isText := "", false
	if len(args) > 1 {
		constant, isText = text(args[1])
	}
	switch name {
	case "strings.Contains", "strings.ContainsAny", "strings.ContainsRune":
		if first && isText && (strings.Contains(constant, "..") || strings.ContainsAny(constant, `/\`) && !a.cleaned && a.same) {
			whenTrue(call, false, textual, cut)
		}
	case "strings.Index", "strings.IndexAny", "strings.IndexByte", "strings.IndexRune", "strings.Count":
		if first && isText && (strings.Contains(constant, "..") || strings.ContainsAny(constant, `/\`) && a.same) {
			bothEdgesOfComparisons(call, textual, cut)
		}
	case "strings.HasPrefix":
		switch {
		case !first:
		case isText && strings.HasPrefix(constant, ".."):
			if a.cleaned {
				whenTrue(call, false, textual, cut)
			}
		case a.cleaned:
			whenTrue(call, true, textual, cut)
		}
	case "path/filepath.IsLocal", "io/fs.ValidPath":
		whenTrue(call, true, textual, cut)
	case "slices.Contains", "slices.Index", "slices.BinarySearch":
		switch {
		case first && isText && constant == "..": // of the elements
			whenTrue(call, false, textual, cut)
		case a.same && !first:
			whenTrue(call, true, clean, cut)
			bothEdgesOfComparisons(call, clean, cut)
			g.answer(call, clean, cut)
		}
	case "regexp.Regexp.MatchString", "regexp.Regexp.Match", "regexp.MatchString":
		whenTrue(call, true, clean, cut)
		whenTrue(call, false, clean, cut)
		g.answer(call, clean, cut)
	case "github.com/google/uuid.Parse", "github.com/google/uuid.Validate", "github.com/google/uuid.ParseBytes", "github.com/gofrs/uuid.FromString",
		"github.com/satori/go.uuid.FromString", "github.com/oklog/ulid.Parse", "github.com/oklog/ulid.ParseStrict", "github.com/rs/xid.FromString",
		"strconv.Atoi", "strconv.ParseInt", "strconv.ParseUint", "strconv.ParseBool", "encoding/hex.DecodeString",
		"github.com/bailiwick-fs/bailiwick/vfs.ParseName", "github.com/bailiwick-fs/bailiwick/vfs.ParseEscapedPath",
		"time.Parse", "net/netip.ParseAddr":
		if a.same {
			g.answer(call, clean, cut)
		}
	case "sync.Map.Load":
		if a.same {
			g.answer(call, clean, cut)
		}
	case "net.ParseIP":
		nonZero(call, cut)
	default:
		g.calledByName(call, a, cut)
	}
}

// checkName is what programs call the functions that check a name.
var checkName = regexp.MustCompile(`(?i)valid|safe|check|allow|verify|sanit|permit|local|within|under|contain|inside|travers|escape|subpath|subdir|hidden|forbid|deny|denied|legal|exclude|blacklist|whitelist`)

// calledByName adds calls of the program's own checks. What those in the package check is
// looked up; those elsewhere are trusted by their name.
func (g *guards) calledByName(call *ssa.Call, a alias, cut cuts) {
	common := call.Common()
	lv := raw
	if callees := g.callees(common); len(callees) > 0 {
		for _, callee := range callees {
			for i := range callee.Params {
				if argument(common, i) == a.v {
					lv = min(lv, g.checksInside(callee, i))
				}
			}
		}
	} else {
		name := calleeName(common)
		if name == "" && common.IsInvoke() {
			name = common.Method.Name()
		}
		if onlyAnswers(common.Signature().Results()) && checkName.MatchString(name[strings.LastIndex(name, ".")+1:]) {
			lv = clean
		}
	}
	if lv == raw {
		return
	}
	if !a.same && lv == clean {
		lv = textual
	}
	whenTrue(call, true, lv, cut)
	whenTrue(call, false, lv, cut)
	g.answer(call, lv, cut)
}

// onlyAnswers reports whether results are a bool, an error or both: a function that returns
// more does more than check.
func onlyAnswers(results *types.Tuple) bool {
	for v := range results.Variables() {
		if b, ok := v.Type().Underlying().(*types.Basic); !(ok && b.Kind() == types.Bool) && !isError(v.Type()) {
			return false
		}
	}
	return results.Len() > 0
}

// checksInside returns what a parameter of a function can be after the function's best check.
func (g *guards) checksInside(fn *ssa.Function, i int) level {
	if lv, ok := g.inside[fn][i]; ok {
		return lv
	}
	if g.inside[fn] == nil {
		g.inside[fn] = map[int]level{}
	}
	g.inside[fn][i] = raw // while it is computed
	results := fn.Signature.Results()
	if results.Len() == 0 {
		return raw
	}
	last := results.At(results.Len() - 1).Type()
	if b, ok := last.Underlying().(*types.Basic); !(ok && b.Kind() == types.Bool) && !isError(last) {
		return raw
	}
	lv := raw
	for _, after := range g.cutsOf(fn.Params[i]) {
		lv = min(lv, after)
	}
	g.inside[fn][i] = lv
	return lv
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}
