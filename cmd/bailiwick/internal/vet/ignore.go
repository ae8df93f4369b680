package vet

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// ignores are the comments that silence findings: //bailiwick:ignore BW001 reason, in the
// line of the finding or alone in the one before.
type ignores struct {
	pass      *analysis.Pass
	lines     map[string]map[int][]ID // by file
	malformed []finding
}

const ignorePrefix = "//bailiwick:ignore"

var ignoreForm = regexp.MustCompile(`^ (BW[0-9]{3}(?:,BW[0-9]{3})*) +\S`)

func readIgnores(pass *analysis.Pass) *ignores {
	ig := &ignores{pass: pass, lines: map[string]map[int][]ID{}}
	for _, file := range pass.Files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				ig.read(comment)
			}
		}
	}
	return ig
}

func (ig *ignores) read(comment *ast.Comment) {
	rest, ok := strings.CutPrefix(comment.Text, ignorePrefix)
	if !ok {
		return
	}
	match := ignoreForm.FindStringSubmatch(rest)
	if match == nil {
		ig.malformed = append(ig.malformed, finding{
			id: badIgnore, pos: comment.Pos(), text: "nothing is ignored without an ID and a reason: write " + ignorePrefix + " BW001 why it is safe",
		})
		return
	}
	at := ig.at(comment.Pos())
	if ig.lines[at.Filename] == nil {
		ig.lines[at.Filename] = map[int][]ID{}
	}
	line := at.Line
	if ig.alone(at) {
		line++
	}
	for id := range strings.SplitSeq(match[1], ",") {
		ig.lines[at.Filename][line] = append(ig.lines[at.Filename][line], ID(id))
	}
}

// at returns a place in the file that the compiler reads. A line directive may name any
// other: with one, code could pass for a test.
func (ig *ignores) at(pos token.Pos) token.Position { return ig.pass.Fset.PositionFor(pos, false) }

// alone reports whether nothing but space is before a place in its line.
func (ig *ignores) alone(at token.Position) bool {
	text, err := ig.pass.ReadFile(at.Filename)
	if err != nil || at.Offset > len(text) {
		return false
	}
	line := text[bytes.LastIndexByte(text[:at.Offset], '\n')+1 : at.Offset]
	return len(bytes.TrimSpace(line)) == 0
}

// covers reports whether a finding is ignored. A test serves nobody.
func (ig *ignores) covers(id ID, pos token.Pos) bool {
	at := ig.at(pos)
	return strings.HasSuffix(at.Filename, "_test.go") || slices.Contains(ig.lines[at.Filename][at.Line], id)
}
