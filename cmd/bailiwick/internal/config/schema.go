package config

import _ "embed" // the schema, which is generated from the types in the files config*.go

// Schema is a JSON schema (draft 2020-12) of the file, for editors. It describes the
// keys and the form of their values. Load also finds contradictions between keys.
//
//go:embed schema.json
var Schema string
