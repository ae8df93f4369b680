package vet

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// expression returns a text for what a value is computed of, the same for r.URL.Path
// wherever it is written in a function; "" for a long one.
func expression(v ssa.Value, depth int) string {
	if depth > 6 {
		return ""
	}
	of := func(format string, vs ...ssa.Value) string {
		parts := make([]any, len(vs))
		for i, v := range vs {
			part := expression(v, depth+1)
			if part == "" {
				return ""
			}
			parts[i] = part
		}
		return fmt.Sprintf(format, parts...)
	}
	switch v := v.(type) {
	case *ssa.Parameter, *ssa.FreeVar, *ssa.Global:
		return v.Name()
	case *ssa.Const:
		return v.String()
	case *ssa.UnOp:
		if v.Op == token.MUL {
			return of("*%s", v.X)
		}
	case *ssa.FieldAddr:
		return of(fmt.Sprintf("%%s.%d", v.Field), v.X)
	case *ssa.Field:
		return of(fmt.Sprintf("%%s.%d", v.Field), v.X)
	case *ssa.IndexAddr:
		return of("%s[%s]", v.X, v.Index)
	case *ssa.Lookup:
		return of("%s[%s]", v.X, v.Index)
	case *ssa.Extract:
		return of(fmt.Sprintf("%%s#%d", v.Index), v.Tuple)
	case *ssa.Call:
		name := calleeName(v.Common())
		if _, ok := sourceCalls[name]; !ok && name != "net/url.Values.Get" && name != "net/url.URL.Query" && name != "net/http.Header.Get" {
			break
		}
		all := v.Call.Args
		if v.Call.IsInvoke() {
			all = append([]ssa.Value{v.Call.Value}, all...)
		}
		if len(all) == 2 {
			return of(name+"(%s,%s)", all[0], all[1])
		}
		if len(all) == 1 {
			return of(name+"(%s)", all[0])
		}
	}
	return fmt.Sprintf("%p", v)
}
