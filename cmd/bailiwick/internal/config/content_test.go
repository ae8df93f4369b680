package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// Content that clients can write through any mount is untrusted in every mount, whatever
// spelling of the source the mounts use.
func TestContentOfSharedSources(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"www/docs", "other", "mine"} {
		if err := os.MkdirAll(filepath.Join(top, filepath.FromSlash(dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	links := true
	for path, target := range map[string]string{"link": "www", "deep": filepath.Join("www", "docs")} {
		path = filepath.Join(top, path)
		links = links && os.Symlink(target, path) == nil
		if _, err := os.Lstat(path); err != nil {
			links = false // Wine reports success without making links
		}
	}
	for _, c := range []struct {
		name, written string
		sources       map[string]string // to the expected content
	}{
		{"directory", "www", map[string]string{
			"www": "untrusted", "./other/../www": "untrusted", "www/docs": "untrusted", ".": "untrusted", "link": "untrusted", "deep": "untrusted",
			"other": "trusted", "www2": "trusted", "mem:": "trusted", "s3://bucket/www": "trusted",
		}},
		{"below", "www/docs", map[string]string{"www": "untrusted", "www/docs/new": "untrusted", "deep": "untrusted", "link": "untrusted", "www/other": "trusted"}},
		{"link", "link", map[string]string{"www": "untrusted", "deep": "untrusted", "other": "trusted"}},
		{"memory", "mem:", map[string]string{"mem:": "untrusted", "www": "trusted"}},
		{"bucket", "s3://bucket/a?endpoint=http://127.0.0.1:7070", map[string]string{
			"s3://bucket": "untrusted", "s3://bucket/a/b?endpoint=http://localhost:7070": "untrusted", "s3://bucket/ab": "trusted", "s3://bucket2/a": "trusted",
		}},
	} {
		for source, want := range c.sources {
			if !links && (source == "link" || source == "deep" || c.written == "link") {
				continue
			}
			for _, said := range []string{"", "content: trusted, ", "content: untrusted, "} {
				text := "mounts:\n- {path: /edit, source: '" + c.written + "', allow: ['**'], write: true}\n- {path: /, source: '" + source + "', " + said + "allow: ['**']}\n"
				cfg, err := config.Parse(filepath.Join(top, "f"), []byte(text))
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				due := want
				if said != "" {
					due = strings.Trim(said, ", ")[len("content: "):]
				}
				if got := cfg.Mounts[1].Content; got != due {
					t.Errorf("%s: %s next to the writable %s, %s: %s, want %s", c.name, source, c.written, said, got, due)
				}
				if got := cfg.Mounts[1].Writer() != nil; got != (want == "untrusted") {
					t.Errorf("%s: %s next to %s: Writer: %v", c.name, source, c.written, got)
				}
				if shown, err := cfg.YAML(); err != nil || !strings.Contains(string(shown), "content: "+due) {
					t.Errorf("%s: the YAML of %s lacks content: %s\n%s", c.name, source, due, shown)
				}
			}
		}
	}
}

// A mount of several sources can be written to in the first one only, and shows what other
// mounts write to any of them.
func TestContentOfSeveralSources(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"a", "b", "c/d"} {
		if err := os.MkdirAll(filepath.Join(top, filepath.FromSlash(dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ writer, reader, content, hardLinks string }{
		{"source: a", "sources: [a, b]", "untrusted", "refuse"},
		{"source: b", "sources: [a, b]", "untrusted", "refuse"},
		{"source: c", "sources: [a, c/d]", "untrusted", "refuse"},
		{"source: c/d", "sources: [a, b, c]", "untrusted", "refuse"},
		{"source: c", "sources: [a, b]", "trusted", "serve"},
		{"sources: [a, b]", "source: a", "untrusted", "refuse"},
		{"sources: [a, b]", "source: b", "trusted", "serve"},
		{"sources: [a, b]", "sources: [c, a]", "untrusted", "refuse"},
		{"sources: [a, b]", "sources: [b, c]", "trusted", "serve"},
		{"sources: ['mem:', b]", "sources: [c, 'mem:']", "untrusted", "refuse"},
		{"sources: ['s3://bucket/a', b]", "sources: [b, 's3://bucket']", "untrusted", "refuse"},
	} {
		text := "mounts:\n- {path: /edit, " + c.writer + ", allow: ['**'], write: true}\n- {path: /, " + c.reader + ", allow: ['**']}\n"
		cfg, err := config.Parse(filepath.Join(top, "f"), []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if w := cfg.Mounts[0]; w.Content != "untrusted" || w.HardLinks != "refuse" || !w.Written(0) || w.Written(1) {
			t.Errorf("%s: the mount that is written to: %s, hard links: %s", text, w.Content, w.HardLinks)
		}
		if r := &cfg.Mounts[1]; r.Content != c.content || r.HardLinks != c.hardLinks || r.Written(0) || (r.Writer() != nil) != (c.content == "untrusted") || slices.Contains(cfg.Mounts[0].Readers(), r) != (c.content == "untrusted") {
			t.Errorf("%s: %s, hard links: %s; want %s, %s", text, r.Content, r.HardLinks, c.content, c.hardLinks)
		}
	}
}
