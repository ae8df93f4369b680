package vet

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// A report collects the findings in a package.
type report struct {
	*program
	flow    *flow
	ignored *ignores
	found   []finding
}

// A finding is one place.
type finding struct {
	id   ID
	pos  token.Pos
	text string
	also []token.Pos // where the same name is used in the same way
}

func (r *report) add(id ID, pos token.Pos, format string, args ...any) {
	if !r.ignored.covers(id, pos) {
		r.found = append(r.found, finding{id: id, pos: pos, text: fmt.Sprintf(format, args...)})
	}
}

// A use is a call that uses a name from outside as a path.
type use struct {
	id     ID
	call   string
	pos    token.Pos
	level  level
	kind   kind
	origin *origin
}

// uses reports the calls that use names from outside. Calls of one function that use the
// same name in the same way are one finding.
func (r *report) uses() {
	groups := map[string][]use{}
	var order []string
	add := func(fn *ssa.Function, u use) {
		key := fmt.Sprint(fn, " ", u.origin.pos, " ", u.kind, " ", u.id == readByName || u.id == serveByName)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], u)
	}
	for instr := range r.instructions() {
		switch instr := instr.(type) {
		case ssa.CallInstruction:
			common := instr.Common()
			id, paths := sinkOf(common)
			for _, path := range paths {
				for _, u := range r.usesOf(id, path, placeOf(instr)) {
					u.call, u.pos = shortName(calleeName(common)), instr.Pos()
					add(instr.Parent(), u)
				}
			}
			if id == "" {
				r.leaving(instr)
			}
		case *ssa.Store:
			if key, name := s3Key(instr); key != nil {
				for _, u := range r.usesOf(keyByName, key, placeOf(instr)) {
					u.call, u.pos = name, position(instr.Addr)
					add(instr.Parent(), u)
				}
			}
		}
	}
	for _, key := range order {
		r.use(groups[key])
	}
	r.onePerPlace()
	r.escapedVariables(groups)
}

// onePerPlace keeps the worst of several findings at one call, to which names get that come
// from several places.
func (r *report) onePerPlace() {
	slices.SortStableFunc(r.found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(severity[a.id], severity[b.id]))
	})
	r.found = slices.CompactFunc(r.found, func(a, b finding) bool { return a.pos == b.pos })
}

// severity orders the findings that can be at one call, the worst first.
var severity = map[ID]int{
	archiveName: 1, changeByName: 2, serveByName: 3, readByName: 4, keyByName: 5, uploadName: 6, checkThenOpen: 7, textOnly: 8,
}

// usesOf returns what a use of v at a place is a finding for.
func (r *report) usesOf(id ID, v ssa.Value, at place) []use {
	var all []use
	for k := range kinds {
		lv := r.flow.levelAt(v, k, at)
		if lv == clean {
			continue
		}
		if rootedCall(v) && id != keyByName { // nothing was put before the slash
			lv = raw
		}
		u := use{id: id, level: lv, kind: k, origin: r.flow.facts[v][k].origin}
		switch k {
		case archive:
			if id != changeByName || lv < raw {
				continue
			}
			u.id = archiveName
		case upload:
			if id != changeByName && id != keyByName {
				continue
			}
			u.id = uploadName
		}
		all = append(all, u)
	}
	return all
}

// use reports the uses of one name, at the worst one that is not ignored.
func (r *report) use(group []use) {
	slices.SortStableFunc(group, func(a, b use) int { return cmp.Or(-cmp.Compare(a.level, b.level), cmp.Compare(a.pos, b.pos)) })
	for len(group) > 0 {
		i, id := worst(group)
		u := group[i]
		rest := slices.Delete(slices.Clone(group), i, i+1)
		if r.ignored.covers(id, u.pos) {
			group = rest
			continue
		}
		f := finding{id: id, pos: u.pos, text: u.call + " " + fmt.Sprintf(useTexts[id], r.from(u))}
		for _, other := range rest {
			if other.pos != f.pos {
				f.also = append(f.also, other.pos)
			}
		}
		r.found = append(r.found, f)
		return
	}
}

// worst returns the index of the use to report, and as what.
func worst(group []use) (int, ID) {
	u := group[0]
	if u.kind != request || u.level == raw || u.id == keyByName {
		return 0, u.id
	}
	looks := func(u use) bool { return looksOnly[u.call] }
	opens := func(u use) bool { return !looksOnly[u.call] }
	if i := slices.IndexFunc(group, opens); i >= 0 && slices.ContainsFunc(group[:i], looks) {
		return i, checkThenOpen
	}
	return 0, textOnly
}

// useTexts follow the name of the call; their verb is where the name comes from.
var useTexts = map[ID]string{
	readByName:    "reads a file by a name from the client (%s): it can name any file; use an os.Root and rules",
	changeByName:  "changes a file by a name from the client (%s): it can name any file; use an os.Root and rules",
	serveByName:   "serves a file by a name from the client (%s): links are followed, dotfiles and directories are served; use an os.Root and rules",
	archiveName:   "uses a file's name in an archive (%s), which can lead out of the directory; use an os.Root",
	uploadName:    "stores an upload under the name that the client gave it (%s): it can replace another file, or be one that is executed; choose a name",
	keyByName:     "is chosen by the client (%s): it can name any object of the bucket; check the name against rules",
	textOnly:      "uses a name from the client (%s) that was checked as text only: links are followed, and dotfiles are open; use an os.Root and rules",
	checkThenOpen: "uses a name from the client (%s) that was looked up before: it can be another file by now; open it in an os.Root, and look at what is open",
}

// looksOnly are the calls that look at a file without opening it.
var looksOnly = map[string]bool{"os.Stat": true, "os.Lstat": true}

// from describes where a name comes from.
func (r *report) from(u use) string {
	return r.fromOrigin(u.origin, u.pos)
}

func (r *report) fromOrigin(o *origin, pos token.Pos) string {
	at, here := r.pass.Fset.Position(o.pos), r.pass.Fset.Position(pos)
	where := "line " + strconv.Itoa(at.Line)
	if at.Filename != here.Filename {
		where = filepath.Base(at.Filename) + ":" + strconv.Itoa(at.Line)
	}
	return o.what + ", " + where
}

// opensFiles is what functions that take a path are called.
var opensFiles = regexp.MustCompile(`(?i)open|read|write|file|stat|load|create|remove|delete|rename|exist|serve|dir|walk|copy|move|save|store|upload|download`)

// leaving reports a path that was joined from a client's name and is given to another
// package, by whose function's name it is used as one.
func (r *report) leaving(call ssa.CallInstruction) {
	common := call.Common()
	if _, builtin := common.Value.(*ssa.Builtin); builtin || len(r.callees(common)) > 0 {
		return
	}
	name := calleeName(common)
	short := shortName(name)
	if common.IsInvoke() && name == "" {
		short = common.Method.Name()
	}
	member := short[strings.LastIndex(short, ".")+1:]
	if !opensFiles.MatchString(member) || harmless[plainPackage(name)] {
		return
	}
	for _, arg := range arguments(common) {
		if r.flow.levelAt(arg, request, placeOf(call)) < raw {
			continue
		}
		join := r.joinBefore(arg)
		if join == nil {
			continue
		}
		known := r.flow.facts[arg][request]
		r.add(joinedName, join.Pos(), "%s joins a name from the client (%s) to a path for %s: the path can lead out of the directory; use an os.Root and rules",
			shortName(calleeName(join.Common())), r.fromOrigin(known.origin, join.Pos()), short)
		return
	}
}

// harmless are packages that take paths of URLs, or texts.
var harmless = map[string]bool{
	"net/http": true, "net/url": true, "fmt": true, "log": true, "log/slog": true, "io": true, "strings": true, "path": true, "path/filepath": true,
	"encoding/json": true, "html/template": true, "text/template": true, "bytes": true, "bufio": true, "net/http/httptest": true,
}

// plainPackage returns the package of a callee's name.
func plainPackage(name string) string {
	slash := strings.LastIndex(name, "/")
	dot := strings.Index(name[slash+1:], ".")
	if dot < 0 {
		return ""
	}
	return name[:slash+1+dot]
}

// joinBefore returns the call of filepath.Join by which a path was made.
func (r *report) joinBefore(v ssa.Value) *ssa.Call {
	for seen := map[ssa.Value]bool{}; v != nil && !seen[v]; {
		seen[v] = true
		if call, ok := v.(*ssa.Call); ok && calleeName(call.Common()) == "path/filepath.Join" {
			return call
		}
		known := r.flow.facts[v]
		if known == nil || known[request] == nil {
			return nil
		}
		v = known[request].from
	}
	return nil
}

// escapedVariables reports routers that hand on what is encoded or not clean, in a package
// that uses the variables as paths.
func (r *report) escapedVariables(groups map[string][]use) {
	var used *use
	for _, group := range groups {
		for i, u := range group {
			if u.kind == request && (u.origin.what == "mux.Vars" || u.origin.what == "http.Request.URL") && (used == nil || u.pos < used.pos) {
				used = &group[i]
			}
		}
	}
	if used == nil {
		return
	}
	for instr := range r.instructions() {
		call, ok := instr.(ssa.CallInstruction)
		if !ok {
			continue
		}
		switch name := calleeName(call.Common()); name {
		case "github.com/gorilla/mux.Router.SkipClean", "github.com/gorilla/mux.Router.UseEncodedPath":
			if args := arguments(call.Common()); len(args) == 1 {
				if c, ok := args[0].(*ssa.Const); ok && c.Value != nil && c.Value.String() == "false" {
					continue
				}
			}
			r.add(routerEscapes, call.Pos(), "%s lets .. and encoded slashes through to %s (%s), which uses the name as a path; check the name there",
				shortName(name), used.call, r.from(*used))
		}
	}
}

// callStarts maps the parentheses of calls, which SSA has as their places, to where the
// names of what is called begin, which editors show.
func callStarts(files []*ast.File) map[token.Pos]token.Pos {
	starts := map[token.Pos]token.Pos{}
	for _, file := range files {
		for node := range ast.Preorder(file) {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				continue
			}
			starts[call.Lparen] = call.Fun.Pos()
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				if _, plain := sel.X.(*ast.Ident); !plain {
					starts[call.Lparen] = sel.Sel.Pos() // the line of a chain's link
				}
			}
		}
	}
	return starts
}

// diagnostic returns a finding as go vet prints it.
func (f finding) diagnostic(starts map[token.Pos]token.Pos) analysis.Diagnostic {
	d := analysis.Diagnostic{
		Pos: cmp.Or(starts[f.pos], f.pos), Category: string(f.id), Message: string(f.id) + ": " + f.text,
		URL: page + "#" + strings.ToLower(string(f.id)),
	}
	for _, pos := range f.also {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: cmp.Or(starts[pos], pos), Message: "also here"})
	}
	return d
}
