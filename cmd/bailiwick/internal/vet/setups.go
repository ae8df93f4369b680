package vet

import (
	"path"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// setups reports file servers over a directory.
func (r *report) setups() {
	for instr := range r.instructions() {
		switch instr := instr.(type) {
		case ssa.CallInstruction:
			r.setup(instr)
		case *ssa.Store:
			r.configured(instr)
		}
	}
}

// setup reports a call that makes a file server.
func (r *report) setup(call ssa.CallInstruction) {
	common := call.Common()
	args := arguments(common)
	name := calleeName(common)
	short := shortName(name)
	switch name {
	case "net/http.FileServer", "net/http.FileServerFS":
		if r.isDisk(args[0], 0) {
			r.add(fileServer, call.Pos(), "%s serves each file of a directory, dotfiles and listings included, and follows links; serve an os.Root, and only the names that are public", short)
		}
	case "github.com/gin-gonic/gin.RouterGroup.StaticFS", "github.com/gin-gonic/gin.IRoutes.StaticFS", "github.com/gin-gonic/gin.IRouter.StaticFS":
		if len(args) > 1 && r.isDisk(args[1], 0) {
			r.add(routerStatic, call.Pos(), staticText, short)
		}
	case "github.com/labstack/echo.Echo.StaticFS", "github.com/labstack/echo.Group.StaticFS":
		if len(args) > 1 && r.isDisk(args[1], 0) {
			r.add(routerStatic, call.Pos(), staticText, short)
		}
	case "github.com/gin-gonic/gin.RouterGroup.Static", "github.com/gin-gonic/gin.IRoutes.Static", "github.com/gin-gonic/gin.IRouter.Static",
		"github.com/labstack/echo.Echo.Static", "github.com/labstack/echo.Group.Static", "github.com/labstack/echo/middleware.Static",
		"github.com/gofiber/fiber.App.Static", "github.com/gofiber/fiber.Group.Static", "github.com/gofiber/fiber.Router.Static":
		r.add(routerStatic, call.Pos(), staticText, short)
	case "github.com/gofiber/fiber/middleware/static.New":
		// An empty one goes with a file system, and index.html is one file.
		if root, ok := text(args[0]); !ok || root != "" && path.Ext(path.Base(root)) == "" {
			r.add(routerStatic, call.Pos(), staticText, short)
		}
	case "github.com/spf13/afero.NewBasePathFs":
		if !inMemory(args[0]) && r.serves() {
			r.add(aferoJail, call.Pos(), "%s follows links out of its directory, and a name of a sibling that begins alike gets through; use an os.Root", short)
		}
	case "github.com/spf13/afero.NewHttpFs":
		if !inMemory(args[0]) {
			r.add(aferoJail, call.Pos(), "%s serves all that its file system holds, dotfiles included, and follows links; serve only the names that are public", short)
		}
	}
}

const staticText = "%s serves each file of a directory, dotfiles included, and follows links; serve an os.Root, and only the names that are public"

// configured reports the directory of a file server that is made of a struct.
func (r *report) configured(store *ssa.Store) {
	structName, field, _ := fieldOf(store.Addr)
	switch structName + "." + field {
	case "github.com/labstack/echo/middleware.StaticConfig.Root":
		if !r.setsField(store, "Filesystem") {
			r.add(routerStatic, position(store.Addr), staticText, "middleware.StaticConfig.Root")
		}
	case "github.com/gofiber/fiber/middleware/filesystem.Config.Root":
		if r.isDisk(store.Val, 0) {
			r.add(routerStatic, position(store.Addr), staticText, "filesystem.Config.Root")
		}
	}
}

// setsField reports whether the struct that a store is for gets the other field, too.
func (r *report) setsField(store *ssa.Store, other string) bool {
	_, _, base := fieldOf(store.Addr)
	for _, ref := range *base.Referrers() {
		if v, ok := ref.(ssa.Value); ok {
			if _, field, _ := fieldOf(v); field == other {
				return true
			}
		}
	}
	return false
}

// isDisk reports whether a file system is certainly a directory with nothing in between.
func (r *report) isDisk(v ssa.Value, depth int) bool {
	if depth > 10 {
		return false
	}
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return typeName(v.X.Type()) == "net/http.Dir"
	case *ssa.ChangeInterface:
		return r.isDisk(v.X, depth+1)
	case *ssa.Extract:
		return r.isDisk(v.Tuple, depth+1)
	case *ssa.Phi:
		for _, edge := range v.Edges {
			if r.isDisk(edge, depth+1) {
				return true
			}
		}
	case *ssa.Call:
		switch calleeName(v.Common()) {
		case "os.DirFS", "github.com/gin-gonic/gin.Dir":
			return true
		case "net/http.FS", "io/fs.Sub":
			return r.isDisk(v.Call.Args[0], depth+1)
		}
		for _, callee := range r.callees(v.Common()) {
			for _, block := range callee.Blocks {
				if ret, ok := block.Instrs[len(block.Instrs)-1].(*ssa.Return); ok && len(ret.Results) > 0 && r.isDisk(ret.Results[0], depth+1) {
					return true
				}
			}
		}
	case *ssa.Parameter:
		for i, param := range v.Parent().Params {
			if param != v {
				continue
			}
			for _, call := range r.callers[v.Parent()] {
				if arg := argument(call.Common(), i); arg != nil && r.isDisk(arg, depth+1) {
					return true
				}
			}
		}
	case *ssa.UnOp:
		return r.storesDisk(v.X, depth+1)
	case *ssa.FreeVar:
		for i, free := range v.Parent().FreeVars {
			for _, ref := range *v.Parent().Referrers() {
				if closure, ok := ref.(*ssa.MakeClosure); ok && free == v && r.isDisk(closure.Bindings[i], depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// storesDisk reports whether a directory is stored in a variable.
func (r *report) storesDisk(addr ssa.Value, depth int) bool {
	switch addr := addr.(type) {
	case *ssa.Alloc:
		for _, ref := range *addr.Referrers() {
			if store, ok := ref.(*ssa.Store); ok && store.Addr == addr && r.isDisk(store.Val, depth) {
				return true
			}
		}
	case *ssa.Global:
		for instr := range r.instructions() {
			if store, ok := instr.(*ssa.Store); ok && store.Addr == addr && r.isDisk(store.Val, depth) {
				return true
			}
		}
	case *ssa.FreeVar:
		for i, free := range addr.Parent().FreeVars {
			for _, ref := range *addr.Parent().Referrers() {
				if closure, ok := ref.(*ssa.MakeClosure); ok && free == addr && r.storesDisk(closure.Bindings[i], depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// inMemory reports whether an afero file system has no directory of the disk below it.
func inMemory(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return strings.HasSuffix(typeName(v.X.Type()), "afero.MemMapFs") || typeName(v.X.Type()) == "github.com/spf13/afero.FromIOFS"
	case *ssa.Call:
		name := calleeName(v.Common())
		return name == "github.com/spf13/afero.NewMemMapFs" || name == "github.com/spf13/afero.NewReadOnlyFs" && inMemory(v.Call.Args[0])
	}
	return false
}

// serves reports whether the package has to do with HTTP.
func (r *report) serves() bool {
	for _, imported := range r.pass.Pkg.Imports() {
		switch plainPath(imported.Path()) {
		case "net/http", "github.com/gin-gonic/gin", "github.com/labstack/echo", "github.com/gofiber/fiber":
			return true
		}
	}
	return false
}
