package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// injections are strings that would end a line, begin another, or control a terminal.
var injections = []string{
	"/a\r\n{\"verdict\":\"allowed\"}", "/a\n", "/\x1b[2J\x1b]0;title\x07", "/\u2028{}\u2029", "/\x00\x7f\u0085\u009b31m",
	"/\xff\xfe\xc0\xaf", "/\xed\xa0\x80", `/"},{"`, `/\`, "/\u202e\u2066txt.exe", "/\ufeff", "/\U000e0001\U0010ffff\ufffe", "/\u00a0", "",
}

// checkLine fails unless text is a single printable line of bounded length that is valid
// JSON.
func checkLine(t testing.TB, text string) (l line) {
	t.Helper()
	if len(text) > 16<<10 || strings.Count(text, "\n") != 1 || !utf8.ValidString(text) {
		t.Fatalf("%d bytes: %q", len(text), text)
	}
	for _, r := range strings.TrimSuffix(text, "\n") {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q in %q", r, text)
		}
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return l
}

func recorded(a *audit.Attempt, opts audit.LogOptions) string {
	var out bytes.Buffer
	log := audit.NewLog(&out, opts)
	log.Record(a)
	log.Close()
	return out.String()
}

// Whatever clients send, it is read back unchanged from the record.
func TestRecordTakesNoInjection(t *testing.T) {
	all := injections
	for _, a := range vfstest.Attacks() {
		all = append(all, a.Raw)
	}
	payloads, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range payloads {
		all = append(all, p.Raw)
	}
	for _, s := range all {
		a := &audit.Attempt{Raw: s, Method: s, Principal: s, Remote: s, Rule: s, Reason: vfs.Reason(s)}
		l := checkLine(t, recorded(a, audit.LogOptions{}))
		// JSON cannot represent invalid UTF-8.
		want := string([]rune(s))
		for what, pair := range map[string]struct {
			got   string
			limit int
		}{
			"raw": {l.Raw, 1300}, "rule": {l.Rule, 500}, "principal": {l.Principal, 100}, "method": {l.Method, 16}, "remote": {l.Remote, 16},
		} {
			if len(s) <= pair.limit && pair.got != want {
				t.Errorf("%s: %q became %q", what, s, pair.got)
			}
		}
		text := recorded(a, audit.LogOptions{Text: true})
		if strings.Count(text, "\n") != 1 || strings.ContainsFunc(strings.TrimSuffix(text, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q as a text line: %q", s, text)
		}
	}
	t.Logf("%d strings", len(all))
}

// The control: in a record that is built by string concatenation, each injection breaks the
// JSON or is not printable. Otherwise the injections would prove nothing.
func TestInjectionsBeatNaiveRecord(t *testing.T) {
	for _, s := range injections {
		text := `{"raw":"` + s + `"}`
		prints := !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) && utf8.ValidString(text)
		var l map[string]any
		if prints && json.Unmarshal([]byte(text), &l) == nil && len(l) == 1 && s != "" {
			t.Errorf("%q does not break a line", s)
		}
	}
}

// The length of a line is bounded, however long the values are that clients, programs and
// rules supply.
func TestRecordIsBounded(t *testing.T) {
	elem := strings.Repeat("\U000f0000", 63) // four bytes, and twelve once escaped
	name, err := vfs.ParseName(strings.Join([]string{elem, elem, elem, elem}, "/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fill := range []string{"a", "\"", "\x00", "é", "\u2028", "\U000e0001", "\xff"} {
		long := strings.Repeat(fill, 1<<16)
		a := &audit.Attempt{
			Remote: long, Method: long, Raw: long, Name: name, Principal: long, Verdict: audit.Verdict(long),
			Reason: vfs.Reason(long), Rule: long, Backend: long, Cache: driver.CacheStatus(long), Status: -1 << 63, Bytes: -1 << 63, Received: 1<<63 - 1, Aborted: true, Duration: 1<<63 - 1,
		}
		l := checkLine(t, recorded(a, audit.LogOptions{}))
		if l.Name != name.String() {
			t.Errorf("the name was cut to %q", l.Name)
		}
		if !strings.HasSuffix(l.Raw, "…") || !strings.HasSuffix(l.Principal, "…") || len(l.Principal) < 120 {
			t.Errorf("of %q: raw %.20q…, principal %.20q…", fill, l.Raw, l.Principal)
		}
		if text := recorded(a, audit.LogOptions{Text: true}); len(text) > 16<<10 {
			t.Errorf("%d bytes as text", len(text))
		}
		var out bytes.Buffer
		audit.SlogRecorder(slog.New(slog.NewTextHandler(&out, nil))).Record(&audit.Attempt{Principal: long, Raw: long, Rule: long, Method: long})
		if out.Len() > 128<<10 {
			t.Errorf("%d bytes in slog", out.Len())
		}
	}
}

// A halfWriter writes only a part of some writes.
type halfWriter struct {
	bytes.Buffer
	takes []int // bytes accepted by each write; -1 for all
}

func (w *halfWriter) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.takes) > 0 {
		if w.takes[0] >= 0 {
			n = min(n, w.takes[0])
		}
		w.takes = w.takes[1:]
	}
	w.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space")
	}
	return n, nil
}

// After the disk was full for a while, the next record begins a new line, and the torn one
// counts as dropped.
func TestLogAfterTornLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &halfWriter{takes: []int{-1, 50, 0, 0, -1}}
		log := audit.NewLog(w, audit.LogOptions{})
		for range 6 {
			log.Record(&audit.Attempt{Raw: "/a"})
			time.Sleep(time.Second) // on the fake clock
			synctest.Wait()
		}
		if err := log.Close(); err == nil {
			t.Error("Close did not return the error of the writer")
		}
		whole, torn := 0, 0
		for text := range strings.Lines(w.String()) {
			if json.Valid([]byte(text)) {
				whole++
			} else {
				torn++
			}
		}
		if whole != 3 || torn != 1 || log.Dropped() != 3 {
			t.Errorf("of 6 lines, %d are whole, %d torn and %d dropped:\n%s", whole, torn, log.Dropped(), w)
		}
	})
}

// The guide documents every key of a record.
func TestKeysAreDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "cmd", "bailiwick", "docs", "running.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogOptions{})
	log.Record(&audit.Attempt{Received: 1, Cache: driver.CacheHit})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	if len(record) < len(keys) {
		t.Fatalf("the record has the keys %v", record)
	}
	for key := range record {
		if !bytes.Contains(readme, []byte("`"+key+"`")) {
			t.Errorf("running.md does not document %s", key)
		}
	}
}
