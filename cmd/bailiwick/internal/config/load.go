package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxFile limits the file's size; long lists of names belong in allow files.
const maxFile = 1 << 20

// Load reads the file, applies the given values in order, so that later ones override
// earlier ones, and fills in defaults. It opens no other file and connects to nothing.
// An error is [Errors].
func Load(file string, given ...Given) (*Config, error) {
	data, err := readBounded(file)
	if err != nil {
		return nil, Errors{{Where: printable(file), Text: oneLine(err.Error())}}
	}
	return Parse(file, data, given...)
}

// New makes a Config from given values, without a file.
func New(given ...Given) (*Config, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	return read("", "", root, given)
}

// Parse is like [Load] for a file's content. The file name is used in messages, and its
// directory is the base of relative paths.
func Parse(file string, data []byte, given ...Given) (*Config, error) {
	root, err := compose(file, data)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, Errors{{Where: printable(file), Text: oneLine(err.Error())}}
	}
	return read(file, filepath.Dir(abs), root, given)
}

func read(file, dir string, root *yaml.Node, given []Given) (*Config, error) {
	d := &decoder{
		file: file, dir: dir, given: map[*yaml.Node]string{}, begin: map[*yaml.Node]int{},
		positions: map[string]position{}, bad: map[string]bool{},
	}
	for i := range given {
		d.overlay(root, &given[i])
	}
	c := &Config{file: file, positions: d.positions}
	d.value(root, reflect.ValueOf(c).Elem(), "", &field{})
	if root.Kind == yaml.MappingNode && d.brought <= maxAliased {
		c.validate(d)
	}
	if err := d.errors(); err != nil {
		return nil, err
	}
	return c, nil
}

// File returns the file that the configuration was read from, "" if none.
func (c *Config) File() string { return c.file }

// At returns where the value of key came from, for messages: FILE:LINE, the flag or
// variable, or "default" if it was omitted. The key is written as in messages, such as
// mounts[0].source.
func (c *Config) At(key string) string { return c.positionOf(key).String() }

func (c *Config) positionOf(key string) position {
	for {
		if p, ok := c.positions[key]; ok {
			return p
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return c.positions[""]
		}
		key = key[:i]
	}
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file")
	} else if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", cause(err))
	}
	return data, nil
}

// cause returns the system's error without the file's name.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// compose parses the file's single document.
func compose(file string, data []byte) (*yaml.Node, error) {
	fail := func(line int, format string, args ...any) error {
		at := position{file: file, line: max(1, min(line, bytes.Count(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))+1))}
		return Errors{{Where: at.String(), Text: oneLine(fmt.Sprintf(format, args...))}}
	}
	if len(data) > maxFile {
		return nil, fail(1, "the file is over 1 MiB; put long lists of names into files of their own, with allow_file")
	}
	if line, what := notText(data); what != "" {
		return nil, fail(line, "%s; write the file as plain UTF-8 text", what)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, fail(1, "%s", err)
	}
	var doc yaml.Node
	err = loader.Load(&doc)
	if errors.Is(err, io.EOF) {
		return nil, fail(1, "the file is empty; it needs mounts, each with its source and what it allows")
	} else if err != nil {
		line, text := explain(data, err)
		return nil, fail(line, "%s", text)
	}
	var second yaml.Node
	if err = loader.Load(&second); err == nil {
		return nil, fail(second.Line, "a second document begins here; a configuration is a single document, so leave out the ---")
	} else if !errors.Is(err, io.EOF) {
		line, text := explain(data, err)
		return nil, fail(line, "%s", text)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil, fail(1, "the file is empty; it needs mounts, each with its source and what it allows")
	}
	return root, nil
}

// notText finds the first byte that is not text. The parser would report it without its
// line.
func notText(data []byte) (line int, what string) {
	line = 1
	for rest := bytes.TrimPrefix(data, []byte("\ufeff")); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, "the text is not valid UTF-8"
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r', r == 0x7f, 0x80 <= r && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line, fmt.Sprintf("there is a control character (U+%04X)", r)
		}
		rest = rest[size:]
	}
	return 0, ""
}

// explain returns the parser's message about data, and the line that it refers to.
func explain(data []byte, err error) (line int, text string) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return 1, "invalid YAML: " + err.Error()
	}
	line, text = e.Mark.Line, "invalid YAML: "+e.Message
	if begun := e.ContextMark.Line; begun > 0 {
		text += ", " + e.ContextMsg
		switch {
		case strings.Contains(e.Message, "end of stream"), strings.Contains(e.Message, "expected ':'"):
			// The mark is where parsing stopped: at the end of the file, or after the line
			// that lacks something.
			line = begun
		case begun != line:
			text += fmt.Sprintf(" that begins on line %d", begun)
		}
	}
	if strings.Contains(e.Message, "cannot start any token") {
		text += "; indent with spaces, and put values that begin with @, ` or % into quotes"
	}
	return line, quotePatterns(data, line, text)
}

// noAnchor matches the parser's messages about an alias, with its name. An unquoted glob that
// begins with * is one to YAML.
var noAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced|while scanning an alias`)

// quotePatterns adds to the parser's message about a line how to quote the pattern that caused
// it, if a pattern did.
func quotePatterns(data []byte, line int, text string) string {
	content := ""
	if lines := strings.Split(string(data), "\n"); 0 < line && line <= len(lines) {
		content = lines[line-1]
	}
	pattern := ""
	if m := bareUser.FindStringSubmatch(content); m != nil {
		pattern = m[1]
	}
	if m := noAnchor.FindStringSubmatch(text); m != nil {
		pattern = "*" + m[1]
		text += ", since a value that begins with * refers to an anchor"
	}
	before, _, found := strings.Cut(content, pattern)
	if pattern == "" || !found {
		return text
	}
	quoted := "- '" + pattern + "'"
	if keys := keyBefore.FindAllStringSubmatch(before, -1); keys != nil {
		quoted = keys[len(keys)-1][1] + ": ['" + pattern + "']"
	}
	return text + "; quote patterns: " + quoted
}

var (
	keyBefore = regexp.MustCompile(`([a-z_]+):`)
	bareUser  = regexp.MustCompile(`[\s\[,](\{user\}[^\s,\]}]*)`) // an unquoted pattern
)
