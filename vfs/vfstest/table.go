package vfstest

import (
	"fmt"
	"strings"
)

// shown lists the attacks that Table shows: one for each idea.
var shown = []string{
	"dotdot", "dotdot that survives one removal", "encoded dots", "encoded slash", "twice encoded dots",
	"wide escape", "backslash", "drive", "second slash", "doubled slash", "trailing slash",
	"upper case", "full width letters", "two dot leader", "joiner in a denied name", "direction override",
	"NUL before an extension", "CR LF", "overlong dots", "trailing dot", "stream of a file", "short name of a dotfile",
	"dotfile", "denied", "not allowed", "neighbor with the same prefix", "link out",
}

// shownLegal are the names of LegalNames that Table shows.
var shownLegal = []string{
	"two words.txt", "a+b.txt", "100%.txt", "%2e%2e", "a..b", "aux.txt", "10:30.log", "caf\u00e9.txt", "😀.txt",
}

// Table returns a selection of Attacks and LegalNames as a Markdown table: the request
// path as sent, the verdict under [FixturePolicy], and the reason. Its text changes
// only with the tables.
func Table() string {
	var b strings.Builder
	b.WriteString("| request | verdict | reason | what it tries |\n|---|---|---|---|\n")
	attacks := map[string]Attack{}
	for _, a := range Attacks() {
		attacks[a.Name] = a
	}
	for _, name := range shown {
		a := attacks[name]
		fmt.Fprintf(&b, "| %s | refused | `%s` | %s |\n", code("/"+a.Raw), a.Reason, a.Name)
	}
	legal := map[string]LegalName{}
	for _, l := range LegalNames() {
		legal[l.Name] = l
	}
	for _, name := range shownLegal {
		l := legal["legal/"+name]
		fmt.Fprintf(&b, "| %s | served | | the file %s |\n", code("/"+l.Raw), code(name))
	}
	return b.String()
}

// code quotes s for a cell of a Markdown table.
func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
