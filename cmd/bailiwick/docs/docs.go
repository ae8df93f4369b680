// Package docs is the guide to the command: a page of Markdown for each subject. The
// command prints the page that it can print, the reference of the configuration.
package docs

import _ "embed" // the pages

// Reference describes each key of the configuration, as Markdown. It is generated
// from the types of the configuration.
//
//go:embed reference.md
var Reference string

// Vet describes each finding of bailiwick vet, as Markdown.
//
//go:embed vet.md
var Vet string
