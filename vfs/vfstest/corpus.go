package vfstest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CorpusVariable is the environment variable that names the directory of a corpus of
// attack names.
const CorpusVariable = "BAILIWICK_CORPUS"

// A Payload is one line of a corpus.
type Payload struct {
	File string // the file's name
	Line int    // 1-based
	Raw  string // the line, byte for byte; in a .tsv, its second column
}

// Corpus returns the payloads of all .txt and .tsv files in the directory dir, ordered
// by file and line. Files *.SOURCE.txt document origins and contain no payloads. An
// empty dir means no corpus: no payloads and no error, so that tests can pass
// os.Getenv(CorpusVariable) and fall back to the built-in table. A relative dir is
// relative to the module's root: the nearest directory with a go.mod, from the working
// directory upwards.
func Corpus(dir string) ([]Payload, error) {
	if dir == "" {
		return nil, nil
	}
	if !filepath.IsAbs(dir) {
		root, err := moduleRoot()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(root, dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("vfstest: the corpus: %w", err)
	}
	var all []Payload
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if ext != ".txt" && ext != ".tsv" || strings.HasSuffix(e.Name(), ".SOURCE.txt") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("vfstest: the corpus: %w", err)
		}
		all = append(all, payloads(e.Name(), data)...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("vfstest: the corpus in %s has no payload", dir)
	}
	return all, nil
}

func payloads(file string, data []byte) []Payload {
	var list []Payload
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, len(data)+2)
	// A payload may end in a carriage return, which bufio.ScanLines would drop.
	in.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	for line := 1; in.Scan(); line++ {
		raw := in.Text()
		if filepath.Ext(file) == ".tsv" {
			columns := strings.Split(raw, "\t")
			if len(columns) < 2 {
				continue
			}
			raw = columns[1]
		}
		if raw != "" {
			list = append(list, Payload{file, line, raw})
		}
	}
	return list
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("vfstest: the corpus: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("vfstest: the corpus: no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
