package vet

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// A fact says that a value holds a name from outside.
type fact struct {
	level  level
	origin *origin
	from   ssa.Value // the value that it was made of; nil at the source
}

// An origin is the place where a name comes in.
type origin struct {
	what string // such as http.Request.FormValue
	pos  token.Pos
}

// A flow knows where names from outside get to in a package. It is computed twice: without
// checks, which shows what is derived from what, and with those checks on the derived
// values that guards.go recognizes.
type flow struct {
	*program
	facts   map[ssa.Value]*[kinds]*fact
	queue   []ssa.Value
	returns map[*ssa.Function][]returned
	guards  *guards // nil the first time
	derived map[ssa.Value][]ssa.Value
}

// A returned says that a function returns a name that one of its parameters brought.
type returned struct {
	param  int
	result int
	kind   kind
	level  level
}

func newFlow(p *program) *flow {
	first := &flow{program: p, derived: map[ssa.Value][]ssa.Value{}}
	first.follow()
	second := &flow{program: p, derived: map[ssa.Value][]ssa.Value{}, guards: newGuards(p, first)}
	second.follow()
	return second
}

// follow finds the sources and follows them until nothing changes.
func (f *flow) follow() {
	f.facts = map[ssa.Value]*[kinds]*fact{}
	f.returns = map[*ssa.Function][]returned{}
	for instr := range f.instructions() {
		v, ok := instr.(ssa.Value)
		if !ok {
			continue
		}
		if s, what, ok := sourceOf(v); ok {
			f.set(v, s.kind, &fact{level: s.level, origin: &origin{what, position(v)}})
		}
	}
	for len(f.queue) > 0 {
		v := f.queue[0]
		f.queue = f.queue[1:]
		for k, fact := range f.facts[v] {
			if fact != nil {
				f.spreadFrom(v, kind(k), fact)
			}
		}
	}
}

// position returns where a value is computed. Some have no place of their own.
func position(v ssa.Value) token.Pos {
	if v.Pos().IsValid() {
		return v.Pos()
	}
	if refs := v.Referrers(); refs != nil {
		for _, ref := range *refs {
			if ref.Pos().IsValid() {
				return ref.Pos()
			}
		}
	}
	return v.Parent().Pos()
}

// set records a fact if it is worse than what is known.
func (f *flow) set(v ssa.Value, k kind, new *fact) {
	if new.from != nil && !slices.Contains(f.derived[new.from], v) {
		f.derived[new.from] = append(f.derived[new.from], v)
	}
	if new.level == clean {
		return
	}
	known := f.facts[v]
	if known == nil {
		known = &[kinds]*fact{}
		f.facts[v] = known
	}
	if known[k] != nil && known[k].level >= new.level {
		return
	}
	known[k] = new
	f.queue = append(f.queue, v)
}

// A place is where a value is used: in a block, or on the edge from it to the next one.
type place struct {
	block *ssa.BasicBlock
	next  *ssa.BasicBlock // nil unless it is used on the edge
}

func placeOf(instr ssa.Instruction) place { return place{block: instr.Block()} }

// levelAt returns what the name in v may be at a place, after the checks before it.
func (f *flow) levelAt(v ssa.Value, k kind, at place) level {
	known := f.facts[v]
	if known == nil || known[k] == nil {
		return clean
	}
	lv := known[k].level
	if f.guards == nil {
		return lv
	}
	seen := map[ssa.Value]bool{}
	for v != nil && v.Parent() == at.block.Parent() && !seen[v] && lv > clean {
		seen[v] = true
		lv = min(lv, f.guards.limit(v, at))
		known := f.facts[v]
		if known == nil || known[k] == nil {
			break
		}
		v = known[k].from
	}
	return lv
}

// to passes the name in v on to another value, used at a place.
func (f *flow) to(target, v ssa.Value, k kind, known *fact, at place, limit level) {
	f.set(target, k, &fact{level: min(limit, f.levelAt(v, k, at)), origin: known.origin, from: v})
}

// spreadFrom passes the name in v on to what uses v.
func (f *flow) spreadFrom(v ssa.Value, k kind, known *fact) {
	refs := v.Referrers()
	if refs == nil {
		return
	}
	for _, ref := range *refs {
		at := placeOf(ref)
		switch ref := ref.(type) {
		case *ssa.Phi:
			for i, edge := range ref.Edges {
				if edge == v {
					f.to(ref, v, k, known, place{ref.Block().Preds[i], ref.Block()}, raw)
				}
			}
		case *ssa.ChangeType, *ssa.Convert, *ssa.MultiConvert, *ssa.MakeInterface, *ssa.ChangeInterface, *ssa.TypeAssert,
			*ssa.Extract, *ssa.Field, *ssa.FieldAddr, *ssa.Index, *ssa.SliceToArrayPointer:
			f.toIfCarries(ref.(ssa.Value), v, k, known, at)
		case *ssa.Range, *ssa.Next:
			f.to(ref.(ssa.Value), v, k, known, at, raw)
		case *ssa.IndexAddr:
			if ref.X == v {
				f.toIfCarries(ref, v, k, known, at)
			}
		case *ssa.Slice:
			if ref.X == v {
				f.toIfCarries(ref, v, k, known, at)
			}
		case *ssa.Lookup:
			if ref.X == v {
				f.toIfCarries(ref, v, k, known, at)
			}
		case *ssa.UnOp:
			if ref.Op == token.MUL {
				f.toIfCarries(ref, v, k, known, at)
			}
		case *ssa.BinOp:
			if ref.Op == token.ADD {
				f.toIfCarries(ref, v, k, known, at)
			}
		case *ssa.Store:
			if ref.Val == v {
				f.stored(ref.Addr, v, k, known, at)
			}
		case *ssa.MapUpdate:
			if ref.Value == v {
				f.to(ref.Map, v, k, known, at, raw)
			}
		case *ssa.MakeClosure:
			for i, binding := range ref.Bindings {
				if binding == v {
					f.to(ref.Fn.(*ssa.Function).FreeVars[i], v, k, known, at, raw)
				}
			}
		case *ssa.Return:
			f.returnedFrom(ref, v, k, known)
		case ssa.CallInstruction:
			f.called(ref, v, k, known)
		}
	}
}

func (f *flow) toIfCarries(target, v ssa.Value, k kind, known *fact, at place) {
	if carries(target.Type()) {
		f.to(target, v, k, known, at, raw)
	}
}

// stored passes a name on to where it is stored: to a variable, and to the same field or
// element of the same value.
func (f *flow) stored(addr, v ssa.Value, k kind, known *fact, at place) {
	switch addr := addr.(type) {
	case *ssa.Alloc, *ssa.Global:
		f.to(addr, v, k, known, at, raw)
	case *ssa.FreeVar:
		f.to(addr, v, k, known, at, raw)
		// The variable belongs to the function around.
		for i, free := range addr.Parent().FreeVars {
			if free != addr {
				continue
			}
			for _, ref := range *addr.Parent().Referrers() {
				if closure, ok := ref.(*ssa.MakeClosure); ok {
					f.to(closure.Bindings[i], v, k, known, at, raw)
				}
			}
		}
	case *ssa.IndexAddr:
		f.to(addr.X, v, k, known, at, raw)
	case *ssa.FieldAddr:
		for _, ref := range *addr.X.Referrers() {
			if same, ok := ref.(*ssa.FieldAddr); ok && same.Field == addr.Field {
				f.to(same, v, k, known, at, raw)
			}
		}
	}
}
