package server

import (
	"slices"
	"strings"
)

// inPlace are the names that some handlers serve in place of others. A file request must not
// create one: the new name would change what users get under names that were there before.
type inPlace struct {
	encoded bool     // names with the suffix of an encoding, for the name without it
	elems   []string // index files, for their directory, and fallbacks
}

func inPlaceOf(configs ...*Config) (p inPlace) {
	for _, cfg := range configs {
		p.encoded = p.encoded || cfg.Sidecars
		p.elems = append(p.elems, cfg.indexFiles()...)
		if !cfg.Fallback.IsZero() {
			p.elems = append(p.elems, cfg.Fallback.Base())
		}
	}
	return p
}

// encodes reports whether an object called elem would be served as the encoded form of another
// one, which may come later.
func (p *inPlace) encodes(elem string) bool {
	return p.encoded && hasCodingSuffix(elem)
}

// has reports whether elem would be served for its directory, or for what is missing. Some
// backends find a name in any case.
func (p *inPlace) has(elem string) bool {
	return slices.ContainsFunc(p.elems, func(e string) bool { return strings.EqualFold(e, elem) })
}
