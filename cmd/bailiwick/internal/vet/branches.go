package vet

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// nonZero adds the branches where a value from a map is true or not nil.
func nonZero(v ssa.Value, cut cuts) {
	whenTrue(v, true, clean, cut)
	for _, ref := range *v.Referrers() {
		if op, ok := ref.(*ssa.BinOp); ok && (op.Op == token.EQL || op.Op == token.NEQ) {
			if isNil(op.X) || isNil(op.Y) {
				whenTrue(op, op.Op == token.NEQ, clean, cut)
			}
		}
	}
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value == nil
}

// answer adds the branches on a call's bool or error among several results.
func (g *guards) answer(call *ssa.Call, lv level, cut cuts) {
	if isError(call.Type()) {
		whenNil(call, lv, cut)
		return
	}
	for _, ref := range *call.Referrers() {
		extract, ok := ref.(*ssa.Extract)
		if !ok {
			continue
		}
		if isError(extract.Type()) {
			whenNil(extract, lv, cut)
		} else if b, ok := extract.Type().Underlying().(*types.Basic); ok && b.Kind() == types.Bool {
			whenTrue(extract, true, lv, cut)
		}
	}
}

// whenNil adds the branches where an error is nil.
func whenNil(err ssa.Value, lv level, cut cuts) {
	for _, ref := range *err.Referrers() {
		switch ref := ref.(type) {
		case *ssa.BinOp:
			if isNil(ref.X) || isNil(ref.Y) {
				whenTrue(ref, ref.Op == token.EQL, lv, cut)
			}
		case *ssa.Phi: // if err == nil { err = … }
			afterAny(ref, lv, cut)
		case *ssa.Return:
			cut.add(edge{ref.Block(), theCaller}, lv)
		}
	}
}

// afterAny adds the branches on an error that came from one of several calls.
func afterAny(phi *ssa.Phi, lv level, cut cuts) {
	for _, ref := range *phi.Referrers() {
		if op, ok := ref.(*ssa.BinOp); ok && (isNil(op.X) || isNil(op.Y)) {
			whenTrue(op, op.Op == token.EQL, lv, cut)
		}
	}
}

// theCaller is the number of a branch that is the caller's, on what a function returns.
const theCaller = -1

// whenTrue adds the branches where cond has the value want.
func whenTrue(cond ssa.Value, want bool, lv level, cut cuts) {
	for _, ref := range *cond.Referrers() {
		switch ref := ref.(type) {
		case *ssa.If:
			if want {
				cut.add(edge{ref.Block(), 0}, lv)
			} else {
				cut.add(edge{ref.Block(), 1}, lv)
			}
		case *ssa.UnOp:
			if ref.Op == token.NOT {
				whenTrue(ref, !want, lv, cut)
			}
		case *ssa.Phi:
			// cond && x, cond || x: the phi has the value want only if cond has.
			if onlyIf(ref, cond, want) {
				whenTrue(ref, want, lv, cut)
			}
		case *ssa.Return:
			cut.add(edge{ref.Block(), theCaller}, lv)
		}
	}
}

// onlyIf reports whether all other edges of a phi are constants that differ from want.
func onlyIf(phi *ssa.Phi, cond ssa.Value, want bool) bool {
	for _, e := range phi.Edges {
		if e == cond {
			continue
		}
		c, ok := e.(*ssa.Const)
		if !ok || c.Value == nil || (c.Value.String() == "true") == want {
			return false
		}
	}
	return true
}

// bothEdgesOfComparisons adds both branches of each comparison of a number: which one is
// the good one depends on the number that it is compared with.
func bothEdgesOfComparisons(v ssa.Value, lv level, cut cuts) {
	for _, ref := range *v.Referrers() {
		if op, ok := ref.(*ssa.BinOp); ok {
			whenTrue(op, true, lv, cut)
			whenTrue(op, false, lv, cut)
		}
	}
}
