package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestUploadName: the filename is stored as the user named the file, however the client
// encodes it.
func TestUploadName(t *testing.T) {
	long := strings.Repeat("ю", 600)
	tests := []struct{ disposition, want string }{
		{`attachment; filename=plain.txt`, "plain.txt"},
		{`attachment; filename=two words.txt`, "two words.txt"},
		{`ATTACHMENT;FILENAME="Quoted.txt"`, "Quoted.txt"},
		{`attachment; filename="a;b=c.txt"; x=y`, "a;b=c.txt"},
		{`attachment; x="filename=no"; filename="yes"`, "yes"},
		{`attachment; filename="a\"b.txt"`, `a"b.txt`},         // Go, older curl
		{`attachment; filename="a%22b.txt"`, `a"b.txt`},        // browsers, curl
		{`attachment; filename="a%0D%0Ab.txt"`, "ab.txt"},      // browsers
		{`attachment; filename="100%25.txt"`, "100%25.txt"},    // browsers escape nothing else
		{`attachment; filename="C:\dir\new.txt"`, "new.txt"},   // Internet Explorer
		{`attachment; filename="C:\\dir\\new.txt"`, "new.txt"}, //
		{`attachment; filename="ends in \"`, "ends in _"},      //
		{`attachment; filename="a/b.txt"`, "a_b.txt"},          // upload of a directory
		{`attachment; filename="../../etc/passwd"`, ".._.._etc_passwd"},
		{`attachment; filename="\\host\share"`, "_host_share"},
		{`attachment; filename="naïve.txt"`, "naïve.txt"},
		{`attachment; filename="e"; filename*=UTF-8''%e2%82%ac%20rates`, "€ rates"},
		{`attachment; filename*=UTF-8''%e2%82%ac%20rates; filename="e"`, "€ rates"},
		{`attachment; filename*=utf-8'de'%e2%82%ac`, "€"},
		{`attachment; filename*=ISO-8859-1''%A3.txt`, "£.txt"},
		{`attachment; filename*=UTF-8''%FF; filename=fallback`, "fallback"},
		{`attachment; filename*=UTF-8''%zz; filename=fallback`, "fallback"},
		{`attachment; filename*=KOI8-R''%C0; filename=fallback`, "fallback"},
		{`attachment; filename*=UTF-8''a%2522b`, "a%22b"},
		{`attachment; filename=first; filename=second`, "first"},
		{`attachment; filename="never closed`, "never closed"},
		{`attachment; filename=""`, "file"},
		{`attachment; filename=`, "file"},
		{`attachment`, "file"},
		{`attachment; filename*=UTF-8''%00%0a%e2%80%ae`, "file"},
		{"attachment; filename=\"bad \xff utf-8.txt\"", "bad  utf-8.txt"},
		{`attachment; filename*=UTF-8''a%00b%1b%5bc%e2%80%aed%c2%85e`, "ab[cde"},
		{`attachment; filename="` + long + `.tar.gz"`, long[:1020-len(long[:1020])%2] + ".gz"},
		{`attachment; filename=..`, ".."},
	}
	s := uploadsInMemory(t, server.UploadConfig{})
	for _, tt := range tests {
		r := sendRequest(t, "POST", s.url+"/", strings.NewReader("x"), "Content-Disposition", tt.disposition)
		f := r.files(t)[0]
		if f.Name != tt.want {
			t.Errorf("%s: %q, want %q", tt.disposition, f.Name, tt.want)
		}
		givenBack(t, s, f)
	}
}

// givenBack checks that the name of f is stored in clean form, and that the download has a
// name that can be saved, in a single header that every client can parse.
func givenBack(t testing.TB, s *uploadSite, f stored) {
	t.Helper()
	r := request(t, s.handler, "GET", "/"+f.ID)
	lines := r.Header.Values("Content-Disposition")
	if r.Status != 200 || len(lines) != 1 {
		t.Errorf("%q: %d, dispositions %q", f.Name, r.Status, lines)
		return
	}
	_, long := parsedDisposition(t, lines[0])
	wantSavable(t, long)
	if want := vfs.SafeName(f.Name, vfs.SafeNameOptions{}).String(); long != want {
		t.Errorf("%q was returned as %q, want %q", f.Name, long, want)
	}
	var meta stored
	if r := request(t, s.handler, "GET", "/"+f.ID+"?meta"); json.Unmarshal([]byte(r.Body), &meta) != nil || meta.Name != f.Name {
		t.Errorf("%q is recorded as %q", f.Name, meta.Name)
	}
	var buf bytes.Buffer
	if err := r.Header.Write(&buf); err != nil || strings.Count(buf.String(), "\n") != len(r.Header) {
		t.Errorf("%q: the header is %q", f.Name, buf.String())
	}
	if f.Name == "" || len(f.Name) > 1024 || !utf8.ValidString(f.Name) || strings.ContainsFunc(f.Name, unclean) {
		t.Errorf("stored as %q", f.Name)
	}
}

// unclean reports whether r must not occur in a stored filename.
func unclean(r rune) bool {
	return unicode.IsControl(r) || r == '/' || r == '\\' || r == utf8.RuneError || strings.ContainsRune("\u2028\u2029\ufeff\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", r)
}

// nastyNames returns at least n names: the attack table, the corpus if there is one, and
// random combinations of nasty pieces.
func nastyNames(t testing.TB, n int) []string {
	t.Helper()
	var names []string
	for _, a := range vfstest.Attacks() {
		names = append(names, a.Raw)
	}
	for _, l := range vfstest.LegalNames() {
		names = append(names, l.Name, l.Raw)
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range corpus {
		names = append(names, p.Raw)
	}
	pieces := []string{
		"..", ".", "/", `\`, "%2e", "%2f", "%5c", "%00", "\x00", "\r\n", "\n", "\r", "\t", `"`, "'", ";", "=", ",", "%", "%22", "filename=", "filename*=UTF-8''",
		"\xff", "\xc0\xaf", "\xed\xa0\x80", "\u202e", "\u200d", "\ufeff", "\u2028", "\u0301", "é", "e\u0301", "фото", "写真", "😀", "🏳️‍🌈", "CON", "aux.txt", "COM¹", "NUL.tar.gz",
		".jpg", ".php", ".htaccess", ".git", "::$DATA", "C:", "~1", " ", "\x1b[2J", "<script>", "<img src=x onerror=alert(1)>", "${jndi:ldap://x}", "$(id)", "`id`", "' OR 1=1--", "--boundary",
		strings.Repeat("a", 300), strings.Repeat("ж", 700), "\U000e0001", "\ufffe", "\u0085", "\x7f",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for len(names) < n {
		var b strings.Builder
		for range 1 + random.IntN(5) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		names = append(names, b.String())
	}
	return names
}

// asBrowser encodes a filename for a multipart header as browsers do.
var asBrowser = strings.NewReplacer("\n", "%0A", "\r", "%0D", `"`, "%22").Replace

// TestUploadNastyNames uploads 10,000 malicious names. Each is stored and returned in a
// single header as a name that can be saved, and never becomes part of a name or path in
// the source, or of the name in a record.
func TestUploadNastyNames(t *testing.T) {
	count := 10_000
	if length.Short() {
		count = 1_000
	}
	names := nastyNames(t, count)
	attempts := &recorder{}
	s := uploadsInMemory(t, server.UploadConfig{MaxFiles: 500, Recorder: attempts})
	seen := map[string]string{}
	requests := 0
	for chunk := range slices.Chunk(names, 500) {
		var parts []formPart
		for i, name := range chunk {
			parts = append(parts, filePart(asBrowser(name), fmt.Sprint("content ", i)))
		}
		files := postForm(t, s.url, form(parts...)).files(t)
		requests++
		if len(files) != len(chunk) {
			t.Fatalf("%d files in the response, %d were sent", len(files), len(chunk))
		}
		for i, f := range files {
			seen[f.ID] = f.Name
			name := chunk[i]
			// A name that needs no cleaning is returned byte for byte.
			clean := name != "" && len(name) <= 1024 && utf8.ValidString(name) && !strings.ContainsFunc(name, unclean) &&
				!strings.Contains(name, "%22") && !strings.Contains(name, "%0A") && !strings.Contains(name, "%0D")
			if clean && f.Name != strings.TrimRight(name, "") {
				t.Errorf("%q was stored as %q", name, f.Name)
			}
			if f.SHA256 != sum(fmt.Sprint("content ", i)) {
				t.Errorf("%q has the content of another file", name)
			}
			givenBack(t, s, f)
		}
	}
	rows := 0
	for rec, err := range s.catalog.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		if name, ok := seen[rec.ID.String()]; !ok || name != rec.Name {
			t.Errorf("the catalog has %q, want %q", rec.Name, name)
		}
	}
	objects := 0
	for e, err := range s.backend.List(t.Context(), vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
		objects++
		if !uuidName.MatchString(e.Elem) || e.Kind != vfs.KindFile {
			t.Errorf("the source holds %q", e.Key())
		}
	}
	if rows != len(names) || objects != len(names) {
		t.Errorf("%d rows and %d objects for %d names", rows, objects, len(names))
	}
	for _, a := range attempts.wait(t, requests+len(names)) {
		if n := a.Name.String(); n != "." && !uuidName.MatchString(n) {
			t.Errorf("a record has the name %q", n)
		}
	}
}

// FuzzUploadName: whatever Content-Disposition contains, the stored name is clean, and the
// returned one can be saved.
func FuzzUploadName(f *testing.F) {
	for _, seed := range []string{
		`attachment; filename="a.txt"`, `attachment; filename*=UTF-8''%e2%82%ac; filename="\"\\"`, `attachment; filename=a;b="c;d`, `attachment;=;filename="\`, `attachment; filename="%22%0A"`,
	} {
		f.Add(seed)
	}
	s := uploadsInMemory(f, server.UploadConfig{})
	f.Fuzz(func(t *testing.T, disposition string) {
		w := serveBody(s.handler, "POST", "/", "x", http.Header{"Content-Disposition": {disposition}})
		if w.Code == http.StatusBadRequest {
			return
		}
		var answer struct{ Files []stored }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusCreated {
			t.Fatalf("%d %q %v", w.Code, w.Body, err)
		}
		givenBack(t, s, answer.Files[0])
	})
}
