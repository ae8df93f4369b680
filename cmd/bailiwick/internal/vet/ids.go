package vet

import (
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/docs"
)

// page is where the findings are described.
const page = "https://github.com/bailiwick-fs/bailiwick/blob/main/cmd/bailiwick/docs/vet.md"

// An ID names a kind of finding. It keeps its meaning.
type ID string

const (
	badIgnore     ID = "BW000"
	readByName    ID = "BW001"
	changeByName  ID = "BW002"
	joinedName    ID = "BW003"
	serveByName   ID = "BW004"
	fileServer    ID = "BW005"
	routerStatic  ID = "BW006"
	aferoJail     ID = "BW007"
	removedDots   ID = "BW008"
	prefixCheck   ID = "BW009"
	archiveName   ID = "BW010"
	keyByName     ID = "BW011"
	routerEscapes ID = "BW012"
	checkThenOpen ID = "BW013"
	uploadName    ID = "BW014"
	textOnly      ID = "BW015"
)

// IDs are all IDs.
var IDs = []ID{
	badIgnore, readByName, changeByName, joinedName, serveByName, fileServer, routerStatic, aferoJail,
	removedDots, prefixCheck, archiveName, keyByName, routerEscapes, checkThenOpen, uploadName, textOnly,
}

// Explain returns the section of the guide about an ID, in Markdown, and whether there is one.
func Explain(id ID) (string, bool) {
	if !slices.Contains(IDs, id) {
		return "", false
	}
	_, section, found := strings.Cut(docs.Vet, "\n## "+string(id))
	if !found {
		return "", false
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return string(id) + strings.TrimRight(section, "\n") + "\n", true
}
