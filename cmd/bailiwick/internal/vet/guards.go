package vet

import (
	"golang.org/x/tools/go/ssa"
)

// guards recognizes checks of a name: branches that are taken only if it is one that the
// program knows, or cannot leave its directory. A use that can be reached only through
// such a branch is guarded.
type guards struct {
	*program
	flow   *flow // without checks
	groups map[string][]ssa.Value
	cuts   map[ssa.Value]cuts
	limits map[guardedUse]level
	inside map[*ssa.Function]map[int]level
}

// An edge is a branch: the i-th successor of a block.
type edge struct {
	block *ssa.BasicBlock
	i     int
}

// cuts are the branches that check a value, with what it can be after each of them.
type cuts map[edge]level

type guardedUse struct {
	v  ssa.Value
	at place
}

func newGuards(p *program, f *flow) *guards {
	g := &guards{
		program: p, flow: f, groups: map[string][]ssa.Value{}, cuts: map[ssa.Value]cuts{},
		limits: map[guardedUse]level{}, inside: map[*ssa.Function]map[int]level{},
	}
	for v := range f.facts {
		if key := expression(v, 0); key != "" && v.Parent() != nil {
			key = v.Parent().String() + " " + key
			g.groups[key] = append(g.groups[key], v)
		}
	}
	return g
}

// limit returns the worst that a name in v can be at a place, because of the checks on the
// way there.
func (g *guards) limit(v ssa.Value, at place) level {
	use := guardedUse{v, at}
	if lv, ok := g.limits[use]; ok {
		return lv
	}
	lv := raw
	if cut := g.cutsOf(v); len(cut) > 0 {
		switch begin := g.begin(v); {
		case !reaches(begin, at, cut, clean):
			lv = clean
		case !reaches(begin, at, cut, textual):
			lv = textual
		}
	}
	g.limits[use] = lv
	return lv
}

// begin returns the block from which on v can be used. An expression that is written more
// than once can be checked before the one that is used.
func (g *guards) begin(v ssa.Value) *ssa.BasicBlock {
	if instr, ok := v.(ssa.Instruction); ok && len(g.same(v)) < 2 {
		if _, isAlloc := v.(*ssa.Alloc); !isAlloc {
			return instr.Block()
		}
	}
	return v.Parent().Blocks[0]
}

// same returns v and the values that are written as the same expression.
func (g *guards) same(v ssa.Value) []ssa.Value {
	if key := expression(v, 0); key != "" && v.Parent() != nil {
		return g.groups[v.Parent().String()+" "+key]
	}
	return []ssa.Value{v}
}

// reaches reports whether a place can be reached from a block without a branch after which
// the name is at most lv.
func reaches(from *ssa.BasicBlock, to place, cut cuts, lv level) bool {
	seen := map[*ssa.BasicBlock]bool{from: true}
	for queue := []*ssa.BasicBlock{from}; len(queue) > 0; queue = queue[1:] {
		block := queue[0]
		if block == to.block && to.next == nil {
			return true
		}
		for i, next := range block.Succs {
			if at, ok := cut[edge{block, i}]; ok && at <= lv {
				continue
			}
			if block == to.block && next == to.next {
				return true
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}

// An alias is a value whose check is also one of the value that it was made of.
type alias struct {
	v       ssa.Value
	same    bool // it is the same string, but for case and space
	cleaned bool // it was cleaned or resolved
}

// cutsOf returns the checks of v.
func (g *guards) cutsOf(v ssa.Value) cuts {
	if cut, ok := g.cuts[v]; ok {
		return cut
	}
	cut := cuts{}
	g.cuts[v] = cut
	aliases := g.aliases(v)
	for _, a := range aliases {
		g.check(a, aliases, cut)
	}
	return cut
}

// aliases returns v and what is made of it.
func (g *guards) aliases(v ssa.Value) []alias {
	seen := map[ssa.Value]bool{}
	var all []alias
	add := func(a alias) {
		for _, same := range g.same(a.v) {
			if !seen[same] {
				seen[same] = true
				all = append(all, alias{same, a.same, a.cleaned})
			}
		}
		if !seen[a.v] {
			seen[a.v] = true
			all = append(all, a)
		}
	}
	add(alias{v: v, same: true})
	for i := 0; i < len(all) && i < 200; i++ {
		a := all[i]
		for _, next := range g.flow.derived[a.v] {
			if next.Parent() != v.Parent() {
				continue
			}
			switch next := next.(type) {
			case *ssa.Convert, *ssa.ChangeType, *ssa.UnOp, *ssa.Alloc, *ssa.FreeVar, *ssa.FieldAddr, *ssa.MakeInterface, *ssa.TypeAssert:
				add(alias{next, a.same, a.cleaned})
			case *ssa.Extract:
				add(alias{next, a.same && next.Index == 0, a.cleaned})
			case *ssa.BinOp, *ssa.IndexAddr:
				add(alias{next, false, a.cleaned})
			case *ssa.Slice:
				add(alias{next, next.Low == nil && next.High == nil && a.same, a.cleaned})
			case *ssa.Call:
				switch calleeName(next.Common()) {
				case "strings.ToLower", "strings.ToUpper", "strings.TrimSpace", "strings.Clone", "fmt.Sprint":
					add(alias{next, a.same, a.cleaned})
				case "path.Clean", "path/filepath.Clean", "path.Join", "path/filepath.Join", "path/filepath.Abs", "path/filepath.Rel", "path/filepath.EvalSymlinks":
					add(alias{next, false, true})
				case "strings.TrimPrefix", "strings.TrimLeft", "strings.TrimSuffix", "strings.TrimRight", "strings.Trim",
					"path/filepath.ToSlash", "path/filepath.FromSlash", "net/url.PathUnescape", "net/url.QueryUnescape":
					add(alias{next, false, a.cleaned})
				case "strings.Split", "strings.FieldsFunc":
					add(alias{next, false, false})
				}
			}
		}
	}
	return all
}

// add records what a name can be after a branch.
func (c cuts) add(e edge, lv level) {
	if known, ok := c[e]; !ok || lv < known {
		c[e] = lv
	}
}
