package vet

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// A kind says where a name comes from.
type kind int

const (
	request kind = iota // chosen by a client
	upload              // the file name in a multipart form, without directories
	archive             // in a zip or tar archive
	kinds
)

// A level says what a name may be.
type level int

const (
	clean   level = iota // one of the names that the program knows
	textual              // below its directory if read as text; on disk a link can lead elsewhere
	raw                  // any string
)

// A source describes where a name comes from.
type source struct {
	kind  kind
	level level
}

// sourceCalls are the calls that return a name, or something that has names.
var sourceCalls = table(map[string]source{
	"net/http.Request":                           {request, raw},
	"github.com/gorilla/mux":                     {request, raw},
	"github.com/go-chi/chi":                      {request, raw},
	"github.com/go-chi/chi.Context":              {request, raw},
	"github.com/gin-gonic/gin.Context":           {request, raw},
	"github.com/labstack/echo.Context":           {request, raw},
	"github.com/gofiber/fiber.Ctx":               {request, raw},
	"github.com/julienschmidt/httprouter":        {request, raw},
	"github.com/julienschmidt/httprouter.Params": {request, raw},
	"github.com/valyala/fasthttp.RequestCtx":     {request, raw},
	"github.com/valyala/fasthttp.URI":            {request, raw},
	"github.com/valyala/fasthttp.Args":           {request, raw},
	// mime/multipart returns only the last element of the name.
	"mime/multipart.Part": {upload, textual},
}, map[string][]string{
	"net/http.Request":                           {"FormValue", "PostFormValue", "PathValue", "Cookie", "Cookies", "CookiesNamed", "Referer", "UserAgent"},
	"github.com/gorilla/mux":                     {"Vars"},
	"github.com/go-chi/chi":                      {"URLParam", "URLParamFromCtx"},
	"github.com/go-chi/chi.Context":              {"URLParam"},
	"github.com/gin-gonic/gin.Context":           {"Param", "Query", "DefaultQuery", "GetQuery", "QueryArray", "GetQueryArray", "QueryMap", "PostForm", "DefaultPostForm", "GetPostForm", "PostFormArray", "GetHeader", "Cookie"},
	"github.com/labstack/echo.Context":           {"Param", "ParamValues", "PathParam", "QueryParam", "QueryParams", "QueryString", "FormValue", "FormParams", "Cookie"},
	"github.com/gofiber/fiber.Ctx":               {"Params", "AllParams", "Query", "Queries", "FormValue", "Path", "OriginalURL", "Get", "Cookies"},
	"github.com/julienschmidt/httprouter":        {"ParamsFromContext"},
	"github.com/julienschmidt/httprouter.Params": {"ByName"},
	"github.com/valyala/fasthttp.RequestCtx":     {"Path", "RequestURI", "UserValue", "FormValue"},
	"github.com/valyala/fasthttp.URI":            {"Path", "PathOriginal", "LastPathSegment"},
	"github.com/valyala/fasthttp.Args":           {"Peek", "PeekMulti"},
	"mime/multipart.Part":                        {"FileName"},
})

// sourceFields are the fields that have a name, or something that has names.
var sourceFields = table(map[string]source{
	"net/http.Request":                          {request, raw},
	"github.com/gin-gonic/gin.Context":          {request, raw},
	"github.com/julienschmidt/httprouter.Param": {request, raw},
	"mime/multipart.FileHeader":                 {upload, textual},
	"archive/zip.FileHeader":                    {archive, raw},
	"archive/tar.Header":                        {archive, raw},
}, map[string][]string{
	"net/http.Request":                          {"URL", "RequestURI", "Form", "PostForm", "MultipartForm", "Header"},
	"github.com/gin-gonic/gin.Context":          {"Params"},
	"github.com/julienschmidt/httprouter.Param": {"Value"},
	"mime/multipart.FileHeader":                 {"Filename"},
	"archive/zip.FileHeader":                    {"Name"},
	"archive/tar.Header":                        {"Name", "Linkname"},
})

// table joins the names of types or packages with those of their members.
func table[V any](values map[string]V, members map[string][]string) map[string]V {
	all := map[string]V{}
	for of, names := range members {
		for _, name := range names {
			all[of+"."+name] = values[of]
		}
	}
	return all
}

// sourceOf returns what a value is as a source, and how a message calls it.
func sourceOf(v ssa.Value) (source, string, bool) {
	if call, ok := v.(*ssa.Call); ok {
		name := calleeName(call.Common())
		s, ok := sourceCalls[name]
		return s, shortName(name), ok
	}
	structName, field, base := fieldOf(v)
	if structName == "" {
		return source{}, "", false
	}
	name := structName + "." + field
	s, ok := sourceFields[name]
	if !ok || s.kind == request && ownRequest(base, 0) || s.kind == archive && written(v) {
		return source{}, "", false
	}
	return s, shortName(name), true
}

// ownRequest reports whether a request is one that the program sends.
func ownRequest(v ssa.Value, depth int) bool {
	if depth > 8 {
		return false
	}
	switch v := v.(type) {
	case *ssa.Parameter:
		return v.Parent().Name() == "RoundTrip"
	case *ssa.Alloc:
		return v.Comment == "complit"
	case *ssa.Extract:
		return ownRequest(v.Tuple, depth+1)
	case *ssa.Call:
		switch calleeName(v.Common()) {
		case "net/http.NewRequest", "net/http.NewRequestWithContext", "net/http/httptest.NewRequest":
			return true
		case "net/http.Request.WithContext", "net/http.Request.Clone":
			return ownRequest(receiver(v.Common()), depth+1)
		}
	case *ssa.UnOp:
		structName, field, _ := fieldOf(v.X)
		if structName == "net/http.Response" && field == "Request" {
			return true
		}
		if alloc, ok := v.X.(*ssa.Alloc); ok {
			for _, ref := range *alloc.Referrers() {
				if store, ok := ref.(*ssa.Store); ok && store.Addr == alloc && ownRequest(store.Val, depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// written reports whether the function sets the field itself, as one does that makes an
// archive.
func written(v ssa.Value) bool {
	addr, ok := v.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	for _, ref := range *addr.X.Referrers() {
		same, ok := ref.(*ssa.FieldAddr)
		if !ok || same.Field != addr.Field {
			continue
		}
		for _, ref := range *same.Referrers() {
			if store, ok := ref.(*ssa.Store); ok && store.Addr == same {
				return true
			}
		}
	}
	return false
}

// carries reports whether a value of the type can hold a name: a string, or a collection
// or one of the library's types that has strings.
func carries(t types.Type) bool {
	switch u := types.Unalias(t).(type) {
	case *types.Named:
		if _, ok := u.Underlying().(*types.Struct); ok {
			return holders[typeName(u)]
		}
		if u.Obj().Pkg() == nil { // error
			return false
		}
		return carries(u.Underlying())
	case *types.TypeParam:
		return true
	case *types.Basic:
		return u.Info()&types.IsString != 0 || u.Kind() == types.UnsafePointer
	case *types.Pointer:
		return carries(u.Elem())
	case *types.Slice:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok && (b.Kind() == types.Byte || b.Kind() == types.Rune) {
			return true
		}
		return carries(u.Elem())
	case *types.Array:
		return carries(u.Elem())
	case *types.Map:
		return carries(u.Elem())
	case *types.Interface:
		return u.Empty()
	case *types.Tuple:
		for v := range u.Variables() {
			if carries(v.Type()) {
				return true
			}
		}
	}
	return false
}

// holders are the structs that have names in their fields.
var holders = map[string]bool{
	"net/url.URL": true, "net/http.Cookie": true, "mime/multipart.Form": true, "strings.Builder": true, "bytes.Buffer": true,
	"github.com/julienschmidt/httprouter.Param": true, "github.com/gin-gonic/gin.Param": true,
}
