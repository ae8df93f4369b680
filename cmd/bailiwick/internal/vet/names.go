package vet

import (
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/ssa"
)

var majorVersion = regexp.MustCompile(`/v[0-9]+(/|$)`)

// plainPath returns an import path without a vendor directory and a major version, so that
// one line of a table is for all versions.
func plainPath(path string) string {
	if i := strings.LastIndex(path, "/vendor/"); i >= 0 {
		path = path[i+len("/vendor/"):]
	}
	return majorVersion.ReplaceAllString(path, "$1")
}

// typeName returns the name of a type or of what it points to, such as net/http.Request,
// or "".
func typeName(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	return plainPath(named.Obj().Pkg().Path()) + "." + named.Obj().Name()
}

// calleeName returns the name of what a call calls, such as os.Open or
// net/http.Request.FormValue, or "".
func calleeName(call *ssa.CallCommon) string {
	if call.IsInvoke() {
		if recv := typeName(call.Value.Type()); recv != "" {
			return recv + "." + call.Method.Name()
		}
		return ""
	}
	fn := call.StaticCallee()
	if fn == nil {
		return ""
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	obj, ok := fn.Object().(*types.Func)
	if !ok || obj.Pkg() == nil {
		return ""
	}
	if recv := fn.Signature.Recv(); recv != nil {
		if name := typeName(recv.Type()); name != "" {
			return name + "." + obj.Name()
		}
		return ""
	}
	return plainPath(obj.Pkg().Path()) + "." + obj.Name()
}

// arguments returns the arguments of a call without the receiver.
func arguments(call *ssa.CallCommon) []ssa.Value {
	if !call.IsInvoke() && call.Signature().Recv() != nil && len(call.Args) > 0 {
		return call.Args[1:]
	}
	return call.Args
}

// receiver returns the receiver of a call, or nil.
func receiver(call *ssa.CallCommon) ssa.Value {
	if call.IsInvoke() {
		return call.Value
	}
	if call.Signature().Recv() != nil && len(call.Args) > 0 {
		return call.Args[0]
	}
	return nil
}

// spread returns an argument, or for a variadic one its elements as far as they are
// written in the call.
func spread(v ssa.Value) []ssa.Value {
	slice, ok := v.(*ssa.Slice)
	if !ok {
		return []ssa.Value{v}
	}
	array, ok := slice.X.(*ssa.Alloc)
	if !ok || array.Comment != "varargs" {
		return []ssa.Value{v}
	}
	var elems []ssa.Value
	for _, ref := range *array.Referrers() {
		if addr, ok := ref.(*ssa.IndexAddr); ok {
			for _, ref := range *addr.Referrers() {
				if store, ok := ref.(*ssa.Store); ok {
					elems = append(elems, store.Val)
				}
			}
		}
	}
	return elems
}

// fieldOf returns the name of the struct type and of the field that an instruction selects.
func fieldOf(v ssa.Value) (structName, field string, base ssa.Value) {
	var t types.Type
	var index int
	switch v := v.(type) {
	case *ssa.FieldAddr:
		t, index, base = v.X.Type(), v.Field, v.X
	case *ssa.Field:
		t, index, base = v.X.Type(), v.Field, v.X
	default:
		return "", "", nil
	}
	structName = typeName(t)
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return "", "", nil
	}
	return structName, s.Field(index).Name(), base
}
