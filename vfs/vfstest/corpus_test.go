package vfstest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestCorpus(t *testing.T) {
	dir := t.TempDir()
	for file, data := range map[string]string{
		"a.txt":            "../x\n\n%00\xff\n last\r",
		"a.txt.SOURCE.txt": "not a payload",
		"b.tsv":            "one\t%2e\tmore\nno column\n",
		"README.md":        "not a payload",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := vfstest.Corpus(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []vfstest.Payload{{"a.txt", 1, "../x"}, {"a.txt", 3, "%00\xff"}, {"a.txt", 4, " last\r"}, {"b.tsv", 1, "%2e"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err := vfstest.Corpus(""); got != nil || err != nil {
		t.Errorf("no corpus: %v, %v", got, err)
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(dir, "missing"), "no/such/corpus"} {
		if _, err := vfstest.Corpus(dir); err == nil {
			t.Errorf("no error for a corpus without payloads in %q", dir)
		}
	}
}

// No payload of the corpus and no attack reaches a canary through a Jail. A refusal
// prints like a missing name.
func TestCorpusReachesNothing(t *testing.T) {
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range vfstest.Attacks() {
		corpus = append(corpus, vfstest.Payload{File: "attacks", Raw: a.Raw})
	}
	jail, err := vfs.New(vfs.FromFS(mapFS(vfstest.Fixture())), vfstest.FixturePolicy())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range corpus {
		for _, raw := range []string{p.Raw, "public/" + p.Raw, strings.TrimPrefix(p.Raw, "/")} {
			data, err := get(t, jail, raw)
			if bytes.Contains(data, []byte(vfstest.Canary)) {
				t.Errorf("%s:%d: %q reached a canary", p.File, p.Line, raw)
			}
			if err != nil && !strings.HasSuffix(err.Error(), ": file does not exist") {
				t.Errorf("%s:%d: %q: %v", p.File, p.Line, raw, err)
			}
		}
	}
	t.Logf("%d payloads", len(corpus))
}

// Each row of Table comes from the tables of attacks and legal names.
func TestTable(t *testing.T) {
	table := vfstest.Table()
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	if len(lines) < 30 {
		t.Errorf("the table has %d lines", len(lines))
	}
	for i, line := range lines {
		if strings.Count(line, "|")-strings.Count(line, `\|`) != 5 || strings.Contains(line, "``") || strings.Contains(line, "`/` ") {
			t.Errorf("line %d does not have four non-empty cells: %s", i+1, line)
		}
	}
	if table != vfstest.Table() {
		t.Error("the table is not deterministic")
	}
}
