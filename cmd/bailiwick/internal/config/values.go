package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A PageTitle is the name of a site, a line of text.
type PageTitle string

// A Color is #rrggbb.
type Color string

// A MediaType is TYPE/SUBTYPE or TYPE/*, in lower case.
type MediaType string

// A Who names the principals that an access rule applies to, in the syntax of
// access.Rule.
type Who string

// A scalar describes how values of one type are parsed and printed.
type scalar struct {
	what    string // for the reference
	pattern string // matches every valid value, for the schema; "" for any text
	parse   func(s string) (any, error)
	show    func(v any) string // nil: fmt.Sprint
}

// scalars describes the types that are written as text. Bools, ints and plain strings
// are parsed by kind.
var scalars = map[reflect.Type]scalar{
	reflect.TypeFor[Address]():       {what: "HOST:PORT", pattern: `:[0-9]+$`, parse: parseAddress},
	reflect.TypeFor[Path]():          {what: "path", pattern: `.`, parse: parsePath},
	reflect.TypeFor[Source]():        {what: "source", pattern: `.`, parse: parseSource},
	reflect.TypeFor[LogTarget]():     {what: "path or word", pattern: `.`, parse: parseLogTarget},
	reflect.TypeFor[MountPath]():     {what: "path of a URL", pattern: `^/([^/]+(/[^/]+)*)?$`, parse: parseMountPath},
	reflect.TypeFor[ObjectName]():    {what: "name of an object", pattern: `^[^/]+(/[^/]+)*$`, parse: parseObjectName},
	reflect.TypeFor[IndexName]():     {what: "name of a file", pattern: `^[^/]+$`, parse: parseIndexName},
	reflect.TypeFor[PageTitle]():     {what: "text", pattern: `.`, parse: parsePageTitle},
	reflect.TypeFor[Color]():         {what: "#rrggbb", pattern: `^#[0-9A-Fa-f]{6}$`, parse: parseColor},
	reflect.TypeFor[Host]():          {what: "host", pattern: `^[A-Za-z0-9._:-]+$`, parse: parseHost},
	reflect.TypeFor[URL]():           {what: "URL", pattern: `^https?://`, parse: parseURL},
	reflect.TypeFor[MediaType]():     {what: "media type", pattern: `^[^ "(),/:;<=>?@{}*]+/([^ "(),/:;<=>?@{}*]+|\*)$`, parse: parseMediaType},
	reflect.TypeFor[Size]():          {what: "size", pattern: `^` + sizePattern + `$`, parse: func(s string) (any, error) { return ParseSize(s) }},
	reflect.TypeFor[Rate]():          {what: "rate", pattern: rate.String(), parse: func(s string) (any, error) { return ParseRate(s) }},
	reflect.TypeFor[ByteRate]():      {what: "bytes per second", pattern: `^(off|` + sizePattern + `/s)$`, parse: parseByteRate},
	reflect.TypeFor[Catalog]():       {what: "catalog", pattern: `^(sqlite:|postgres://|postgresql://).`, parse: parseCatalog},
	reflect.TypeFor[time.Duration](): {what: "duration", pattern: duration.String(), parse: parseDuration, show: func(v any) string { return ShowDuration(v.(time.Duration)) }},
	reflect.TypeFor[Age]():           {what: "duration or days", pattern: agePattern, parse: parseAge},
	reflect.TypeFor[Proxy]():         {what: "network or unix", pattern: `^([0-9A-Fa-f.:]+/[0-9]+|unix)$`, parse: parseProxy},
	reflect.TypeFor[vfs.Pattern]():   {what: "pattern", parse: func(s string) (any, error) { return vfs.ParsePattern(s) }},
	reflect.TypeFor[Suffix]():        {what: "suffix, auto or none", pattern: `^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`, parse: parseSuffix},
	reflect.TypeFor[Who]():           {what: "who", pattern: access.WhoPattern, parse: parseWho},
	reflect.TypeFor[vfs.Op]():        {what: "word", pattern: `^(` + strings.Join(opWords(), "|") + `)$`, parse: parseOp},
}

func parsePageTitle(s string) (any, error) {
	return PageTitle(s), server.Page{Mode: server.PageFull, Title: s}.Check()
}

func parseColor(s string) (any, error) {
	return Color(s), server.Page{Mode: server.PageFull, Color: s}.Check()
}

func parseMediaType(s string) (any, error) {
	types, err := server.ParseTypes(s)
	if err != nil {
		return nil, err
	}
	return MediaType(types.String()), nil
}

func parseWho(s string) (any, error) {
	if _, err := access.Compile([]access.Rule{{Who: s, Can: []vfs.Op{vfs.OpRead}}}, nil); err != nil {
		return nil, errors.New(ruleErrorText(err))
	}
	return Who(s), nil
}

func parseOp(s string) (any, error) {
	if op := vfs.Op(s); slices.Contains(access.Ops(), op) {
		return op, nil
	}
	words := opWords()
	last := len(words) - 1
	return nil, fmt.Errorf("unknown operation %s%s; use %s or %s", printable(s), suggestion(s, words), strings.Join(words[:last], ", "), words[last])
}

func opWords() []string {
	var words []string
	for _, op := range access.Ops() {
		words = append(words, string(op))
	}
	return words
}

// text returns a value as it is written in a file.
func (s *scalar) text(v any) string {
	if s.show != nil {
		return s.show(v)
	}
	return fmt.Sprint(v)
}
