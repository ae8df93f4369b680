package config

import _ "embed" // the texts that are made of the types in config.go

// Reference says what each key means, as Markdown.
//
//go:embed reference.md
var Reference string

// Schema is a JSON schema (draft 2020-12) of the file, for editors. It knows the
// keys and the form of their values; Load finds contradictions besides.
//
//go:embed schema.json
var Schema string
