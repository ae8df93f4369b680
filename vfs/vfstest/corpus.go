package vfstest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CorpusVariable is the environment variable that names the directory of a
// corpus of attack names: BAILIWICK_CORPUS.
const CorpusVariable = "BAILIWICK_CORPUS"

// A Payload is one line of a corpus.
type Payload struct {
	File string // the file's name
	Line int    // from 1
	Raw  string // the line, byte for byte; of a .tsv, its second column
}

// Corpus returns the payloads of all .txt and .tsv files in the directory dir, in
// order of file and line; *.SOURCE.txt say where a file is from and hold none.
// "" is no corpus: no payloads and no error, so that tests may pass
// os.Getenv(CorpusVariable) and have the built-in table alone. A relative dir
// is looked for from the module's root, the directory of go.mod, up from the
// working directory.
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
		return nil, fmt.Errorf("vfstest: the corpus in %s holds no payload", dir)
	}
	return all, nil
}

func payloads(file string, data []byte) []Payload {
	var list []Payload
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, len(data)+2)
	// A payload may end in a carriage return, which bufio.ScanLines drops.
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
