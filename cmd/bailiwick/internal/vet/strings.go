package vet

import (
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// keepers are the packages whose functions and methods return what they were given, changed
// or taken apart. Other packages end the trace.
var keepers = map[string]bool{
	"strings": true, "bytes": true, "path": true, "path/filepath": true, "net/url": true, "html": true, "net/textproto": true,
	"github.com/julienschmidt/httprouter": true,
}

// keeperTypes are types of other packages whose methods do so.
var keeperTypes = map[string]bool{
	"net/http.Header": true, "net/http.Cookie": true, "mime/multipart.Form": true, "github.com/gin-gonic/gin.Params": true,
}

// keeperFuncs are functions of other packages that do so.
var keeperFuncs = map[string]bool{
	"fmt.Sprint": true, "fmt.Sprintf": true, "fmt.Sprintln": true, "fmt.Append": true, "fmt.Appendf": true,
	"strconv.Unquote": true, "os.ExpandEnv": true, "os.Expand": true, "slices.Clone": true, "maps.Clone": true,
	"golang.org/x/text/unicode/norm.Form.String": true, "cmp.Or": true,
}

// passes returns the level of a call's result if an argument has level lv, and whether the
// argument gets into the result.
func passes(call *ssa.CallCommon, arg ssa.Value, lv level) (level, bool) {
	name := calleeName(call)
	if name == "" {
		return 0, false
	}
	args := arguments(call)
	switch name {
	case "path.Ext", "path/filepath.Ext", "path/filepath.VolumeName", "path/filepath.Glob", "strings.NewReader", "bytes.NewReader":
		return 0, false
	case "path.Base", "path/filepath.Base", "path/filepath.Localize", "net/url.PathEscape", "net/url.QueryEscape":
		return min(lv, textual), true
	case "net/url.PathUnescape", "net/url.QueryUnescape", "encoding/base64.Encoding.DecodeString", "encoding/hex.DecodeString":
		return raw, true // what was escaped may be a slash
	case "path.Clean", "path/filepath.Clean", "path.Join", "path/filepath.Join":
		if rooted(call) {
			return min(lv, textual), true
		}
		return lv, true
	case "strings.Replace", "strings.ReplaceAll":
		if old, ok := text(args[1]); ok && (old == "/" || old == "..") && arg == args[0] {
			return min(lv, textual), true
		}
		return lv, true
	}
	if keeperFuncs[name] {
		return lv, true
	}
	if fn := call.StaticCallee(); fn != nil {
		obj := fn.Object()
		if origin := fn.Origin(); origin != nil {
			obj = origin.Object()
		}
		if obj == nil || obj.Pkg() == nil {
			return 0, false
		}
		if keepers[plainPath(obj.Pkg().Path())] {
			return lv, true
		}
		if recv := receiver(call); recv != nil {
			return lv, keeperTypes[typeName(recv.Type())]
		}
		return lv, takesAddress(call.Signature())
	}
	return 0, false
}

// takesAddress reports whether a function does no more than aws.String or aws.ToString: its
// result points to its parameter, or the other way round.
func takesAddress(sig *types.Signature) bool {
	if sig.Params().Len() != 1 || sig.Results().Len() != 1 {
		return false
	}
	in, out := sig.Params().At(0).Type(), sig.Results().At(0).Type()
	return types.Identical(types.NewPointer(in), out) || types.Identical(in, types.NewPointer(out))
}

// rooted reports whether a call of Clean or Join has a slash before the client's part: no
// .. can leave what the result is joined to.
func rooted(call *ssa.CallCommon) bool {
	if len(call.Args) == 0 {
		return false
	}
	parts := spread(call.Args[0])
	if len(parts) == 0 {
		return false
	}
	if s, ok := text(parts[0]); ok && len(parts) > 1 {
		return isSlash(s)
	}
	return len(parts) == 1 && beginsWithSlash(parts[0])
}

func isSlash(s string) bool { return s == "/" || s == `\` }

// beginsWithSlash reports whether v is "/" + x, or one of these and what has a slash already.
func beginsWithSlash(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.BinOp:
		if s, ok := text(v.X); ok {
			return v.Op == token.ADD && isSlash(s)
		}
		return v.Op == token.ADD && beginsWithSlash(v.X)
	case *ssa.Phi:
		for i, edge := range v.Edges {
			if _, isPhi := edge.(*ssa.Phi); isPhi || !beginsWithSlash(edge) && !hasSlash(edge, v.Block().Preds[i], v.Block()) {
				return false
			}
		}
		return true
	}
	return false
}

// hasSlash reports whether the branch from one block to the next is taken only if v begins
// with a slash.
func hasSlash(v ssa.Value, from, to *ssa.BasicBlock) bool {
	branch, ok := from.Instrs[len(from.Instrs)-1].(*ssa.If)
	if !ok || from.Succs[0] != to {
		return false
	}
	call, ok := branch.Cond.(*ssa.Call)
	if !ok || calleeName(call.Common()) != "strings.HasPrefix" || call.Call.Args[0] != v {
		return false
	}
	s, ok := text(call.Call.Args[1])
	return ok && isSlash(s)
}

// rootedCall reports whether v is the result of such a call.
func rootedCall(v ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	switch calleeName(call.Common()) {
	case "path.Clean", "path/filepath.Clean", "path.Join", "path/filepath.Join":
		return rooted(call.Common())
	case "path/filepath.FromSlash", "path/filepath.ToSlash":
		return rootedCall(call.Call.Args[0])
	}
	return false
}

// text returns a constant string.
func text(v ssa.Value) (string, bool) {
	switch v := v.(type) {
	case *ssa.Const:
		if v.Value == nil {
			return "", false
		}
		switch v.Value.Kind() {
		case constant.String:
			return constant.StringVal(v.Value), true
		case constant.Int: // a rune
			n, ok := constant.Int64Val(v.Value)
			return string(rune(n)), ok
		}
	case *ssa.Convert:
		return text(v.X)
	}
	return "", false
}

// shortName returns the last package element and what follows it: os.Open, Request.FormValue.
func shortName(name string) string {
	return name[strings.LastIndex(name, "/")+1:]
}
