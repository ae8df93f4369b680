// Package vet finds unsafe file serving in Go code. It follows names that come from
// outside (a request, an archive, an upload) through each package to the calls that
// use them as paths, and finds file servers that follow links or serve everything.
//
// What it knows of the standard library and of web frameworks is in tables: sources.go,
// sinks.go and strings.go. flow.go follows the names, guards.go recognizes checks.
//
// It does not follow names into other packages, through fields of a program's own
// structs, through channels, or through functions of other packages that strings.go does
// not list. It trusts a regular expression, and does not look into it.
package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// Analyzer reports each finding with its ID as the category.
var Analyzer = &analysis.Analyzer{
	Name: "bailiwick",
	Doc:  "report files that are served by unchecked names\n\nEach finding has an ID; bailiwick vet --explain ID describes it.",
	URL:  page,
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	ignored := readIgnores(pass)
	found := ignored.malformed
	if relevant(pass.Pkg) {
		p := buildProgram(pass)
		f := newFlow(p)
		r := &report{program: p, flow: f, ignored: ignored}
		r.uses()
		r.setups()
		r.checks()
		found = append(found, r.found...)
	}
	if len(found) > 0 {
		starts := callStarts(pass.Files)
		for _, f := range found {
			pass.Report(f.diagnostic(starts))
		}
	}
	return nil, nil
}

// relevant reports whether the package imports something that names come from, or that
// serves. Building SSA takes longer than all else. The web frameworks in the tables are
// known: what they do is a finding where they are used.
func relevant(pkg *types.Package) bool {
	for _, prefix := range frameworks {
		path := plainPath(pkg.Path())
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return false
		}
	}
	for _, imported := range pkg.Imports() {
		path := plainPath(imported.Path())
		for _, prefix := range origins {
			if path == prefix || strings.HasPrefix(path, prefix+"/") {
				return true
			}
		}
	}
	return false
}

// origins are the packages that sources and setups belong to.
var origins = append([]string{"net/http", "mime/multipart", "archive/tar", "archive/zip", "github.com/spf13/afero"}, frameworks...)

var frameworks = []string{
	"github.com/gorilla/mux", "github.com/go-chi/chi", "github.com/gin-gonic/gin", "github.com/labstack/echo",
	"github.com/gofiber/fiber", "github.com/julienschmidt/httprouter", "github.com/valyala/fasthttp",
}

// A program is a package in SSA form.
type program struct {
	pass    *analysis.Pass
	pkg     *ssa.Package
	funcs   []*ssa.Function
	callers map[*ssa.Function][]ssa.CallInstruction // calls within the package
	methods map[string][]*ssa.Function              // by name
}

func buildProgram(pass *analysis.Pass) *program {
	prog := ssa.NewProgram(pass.Fset, 0)
	prog.SetNoReturn(noReturn)
	for _, imported := range pass.Pkg.Imports() {
		prog.CreatePackage(imported, nil, nil, true)
	}
	p := &program{
		pass:    pass,
		pkg:     prog.CreatePackage(pass.Pkg, pass.Files, pass.TypesInfo, false),
		callers: map[*ssa.Function][]ssa.CallInstruction{},
		methods: map[string][]*ssa.Function{},
	}
	p.pkg.Build()
	if init := p.pkg.Func("init"); init != nil {
		p.add(init)
	}
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			decl, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			fn := prog.FuncValue(pass.TypesInfo.Defs[decl.Name].(*types.Func))
			if fn == nil {
				continue
			}
			p.add(fn)
			if decl.Recv != nil {
				p.methods[decl.Name.Name] = append(p.methods[decl.Name.Name], fn)
			}
		}
	}
	for instr := range p.instructions() {
		if call, ok := instr.(ssa.CallInstruction); ok {
			for _, callee := range p.callees(call.Common()) {
				p.callers[callee] = append(p.callers[callee], call)
			}
		}
	}
	return p
}

// add adds a function and the functions written in it.
func (p *program) add(fn *ssa.Function) {
	p.funcs = append(p.funcs, fn)
	for _, inner := range fn.AnonFuncs {
		p.add(inner)
	}
}

// instructions yields the instructions of the package.
func (p *program) instructions() func(yield func(ssa.Instruction) bool) {
	return func(yield func(ssa.Instruction) bool) {
		for _, fn := range p.funcs {
			for _, block := range fn.Blocks {
				for _, instr := range block.Instrs {
					if !yield(instr) {
						return
					}
				}
			}
		}
	}
}

// callees returns the functions of the package that a call can reach: for a call of an
// interface's method, the methods of the package's types that implement it.
func (p *program) callees(call *ssa.CallCommon) []*ssa.Function {
	if call.IsInvoke() {
		var found []*ssa.Function
		iface, ok := call.Value.Type().Underlying().(*types.Interface)
		if !ok {
			return nil
		}
		for _, fn := range p.methods[call.Method.Name()] {
			if recv := fn.Signature.Recv(); recv != nil && types.Implements(recv.Type(), iface) {
				found = append(found, fn)
			}
		}
		return found
	}
	fn := call.StaticCallee()
	if fn == nil {
		return nil
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	if fn.Pkg != p.pkg || len(fn.Blocks) == 0 {
		return nil
	}
	return []*ssa.Function{fn}
}

// noReturn names functions that end the goroutine or the process.
func noReturn(fn *types.Func) bool {
	switch fn.FullName() {
	case "os.Exit", "runtime.Goexit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln",
		"(*log.Logger).Fatal", "(*log.Logger).Fatalf", "(*log.Logger).Fatalln":
		return true
	}
	return false
}
