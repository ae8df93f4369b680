package vet

import (
	"slices"

	"golang.org/x/tools/go/ssa"
)

// called passes the name in an argument on to the parameters of the package's own functions,
// and to the result.
func (f *flow) called(call ssa.CallInstruction, v ssa.Value, k kind, known *fact) {
	common := call.Common()
	at := placeOf(call)
	if builtin, ok := common.Value.(*ssa.Builtin); ok {
		switch builtin.Name() {
		case "append":
			f.to(call.Value(), v, k, known, at, raw)
		case "copy":
			if common.Args[1] == v {
				f.to(common.Args[0], v, k, known, at, raw)
			}
		}
		return
	}
	if callees := f.callees(common); len(callees) > 0 {
		for _, callee := range callees {
			for i, param := range callee.Params {
				if argument(common, i) == v {
					f.to(param, v, k, known, at, raw)
				}
			}
			for _, r := range f.returns[callee] {
				f.giveBack(call, r)
			}
		}
		return
	}
	if recv := receiver(common); recv != nil && recv != v && writesTo[calleeName(common)] {
		f.to(recv, v, k, known, at, raw)
		return
	}
	result := call.Value()
	if result == nil || !carries(result.Type()) {
		return
	}
	if lv, ok := passes(common, v, f.levelAt(v, k, at)); ok {
		f.set(result, k, &fact{level: lv, origin: known.origin, from: v})
	}
}

// writesTo are the methods that put an argument into their receiver.
var writesTo = map[string]bool{
	"strings.Builder.WriteString": true, "strings.Builder.Write": true,
	"bytes.Buffer.WriteString": true, "bytes.Buffer.Write": true,
	"net/url.Values.Set": true, "net/url.Values.Add": true,
}

// argument returns what a call gives to the i-th parameter of a function of the package,
// where a receiver is the first parameter.
func argument(call *ssa.CallCommon, i int) ssa.Value {
	if call.IsInvoke() {
		if i == 0 {
			return call.Value
		}
		i--
	}
	if i >= len(call.Args) {
		return nil
	}
	return call.Args[i]
}

// returnedFrom passes a name that is returned on to the calls of the function: if a
// parameter brought it, only to those that gave one.
func (f *flow) returnedFrom(ret *ssa.Return, v ssa.Value, k kind, known *fact) {
	fn := ret.Parent()
	for i, result := range ret.Results {
		if result != v {
			continue
		}
		r := returned{param: f.broughtBy(v, k), result: i, kind: k, level: f.levelAt(v, k, placeOf(ret))}
		if r.level == clean {
			continue
		}
		if r.param < 0 {
			for _, call := range f.callers[fn] {
				if target := resultOf(call, i, fn.Signature.Results().Len()); target != nil {
					f.set(target, k, &fact{level: r.level, origin: known.origin, from: nil})
				}
			}
			continue
		}
		if slices.ContainsFunc(f.returns[fn], func(old returned) bool {
			return old.param == r.param && old.result == r.result && old.kind == k && old.level >= r.level
		}) {
			continue
		}
		f.returns[fn] = append(f.returns[fn], r)
		for _, call := range f.callers[fn] {
			f.giveBack(call, r)
		}
	}
}

// broughtBy returns the parameter by which the name in v came into its function, or -1.
func (f *flow) broughtBy(v ssa.Value, k kind) int {
	fn := v.Parent()
	for seen := map[ssa.Value]bool{}; v != nil && !seen[v]; {
		seen[v] = true
		if param, ok := v.(*ssa.Parameter); ok && param.Parent() == fn {
			return slices.Index(fn.Params, param)
		}
		known := f.facts[v]
		if known == nil || known[k] == nil {
			return -1
		}
		v = known[k].from
	}
	return -1
}

// giveBack passes a name on from an argument of a call to its result.
func (f *flow) giveBack(call ssa.CallInstruction, r returned) {
	arg := argument(call.Common(), r.param)
	if arg == nil || f.facts[arg] == nil || f.facts[arg][r.kind] == nil {
		return
	}
	target := resultOf(call, r.result, call.Common().Signature().Results().Len())
	if target == nil {
		return
	}
	f.to(target, arg, r.kind, f.facts[arg][r.kind], placeOf(call), r.level)
}

// resultOf returns the value of the i-th of n results of a call, or nil if it is not used.
func resultOf(call ssa.CallInstruction, i, n int) ssa.Value {
	v := call.Value()
	if v == nil || n == 1 {
		if v == nil {
			return nil
		}
		return v
	}
	for _, ref := range *v.Referrers() {
		if extract, ok := ref.(*ssa.Extract); ok && extract.Index == i {
			return extract
		}
	}
	return nil
}
