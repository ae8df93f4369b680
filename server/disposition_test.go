package server_test

import (
	"encoding/json"
	"mime"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/nodetool"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// dispositionOf returns the Content-Disposition of a download called name.
func dispositionOf(t testing.TB, name string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	j := jail(t, map[string]string{"a": "x"}, allow("**"))
	if err := server.SendFile(w, httptest.NewRequest("GET", "/", nil), j, "a", server.SendOptions{AsAttachment: true, DownloadName: name}); err != nil {
		t.Fatal(err)
	}
	return w.Header()["Content-Disposition"]
}

func TestDisposition(t *testing.T) {
	long := strings.Repeat("ю", 600)
	for name, want := range map[string]string{
		"report.pdf":        `attachment; filename=report.pdf; filename*=UTF-8''report.pdf`,
		"my report.pdf":     `attachment; filename="my report.pdf"; filename*=UTF-8''my%20report.pdf`,
		"фото.jpg":          `attachment; filename=file.jpg; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE.jpg`,
		"naïve.txt":         `attachment; filename=naive.txt; filename*=UTF-8''na%C3%AFve.txt`,
		"100%.txt":          `attachment; filename=100_.txt; filename*=UTF-8''100%25.txt`,
		"a{b}.txt":          `attachment; filename="a{b}.txt"; filename*=UTF-8''a%7Bb%7D.txt`,
		"a=b;c,(d)@[e].txt": `attachment; filename="a=b;c,(d)@[e].txt"; filename*=UTF-8''a%3Db%3Bc%2C%28d%29%40%5Be%5D.txt`,
		"it's!#$&+^`~.txt":  "attachment; filename=it's!#$&+^`~.txt; filename*=UTF-8''it%27s!#$&+^`~.txt",
		`a"b\c.txt`:         `attachment; filename=a_b_c.txt; filename*=UTF-8''a_b_c.txt`,
		"a\r\nX: y.txt":     `attachment; filename="aX_ y.txt"; filename*=UTF-8''aX_%20y.txt`,
		"../../etc/passwd":  `attachment; filename=_.._etc_passwd; filename*=UTF-8''_.._etc_passwd`,
		"AC/DC.mp3":         `attachment; filename=AC_DC.mp3; filename*=UTF-8''AC_DC.mp3`,
		"txt.\u202eexe.pdf": `attachment; filename=txt.exe.pdf; filename*=UTF-8''txt.exe.pdf`,
		"\u202e\x00\xff":    `attachment; filename=file; filename*=UTF-8''file`,
		"фото":              `attachment; filename=file; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE`,

		// Names that cannot be saved, or would do harm where they are saved.
		".":               `attachment; filename=file; filename*=UTF-8''file`,
		"..":              `attachment; filename=file; filename*=UTF-8''file`,
		"...":             `attachment; filename=file; filename*=UTF-8''file`,
		" ":               `attachment; filename=file; filename*=UTF-8''file`,
		".bashrc":         `attachment; filename=file.bashrc; filename*=UTF-8''file.bashrc`,
		"NUL":             `attachment; filename=_NUL; filename*=UTF-8''_NUL`,
		"nül.txt":         `attachment; filename=_nul.txt; filename*=UTF-8''n%C3%BCl.txt`,
		"a.txt. ":         `attachment; filename=a.txt; filename*=UTF-8''a.txt`,
		"10:30?.log":      `attachment; filename=10_30_.log; filename*=UTF-8''10_30_.log`,
		long + ".tar.gz":  `attachment; filename=file.gz; filename*=UTF-8''` + strings.Repeat("%D1%8E", 126) + `.gz`,
		long + "." + long: `attachment; filename=file; filename*=UTF-8''` + strings.Repeat("%D1%8E", 127),
	} {
		if got := dispositionOf(t, name); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := dispositionOf(t, ""); got[0] != `attachment; filename=a; filename*=UTF-8''a` {
		t.Errorf("no name: %q", got)
	}
}

// dispositionGrammar is the form of the header by RFC 6266, RFC 8187 and RFC 9110: a type,
// a token or quoted string, and an ext-value.
var dispositionGrammar = func() *regexp.Regexp {
	const (
		tchar  = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
		qdtext = `[\t !#-\[\]-~]`
		attr   = "(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-F][0-9A-F])"
	)
	return regexp.MustCompile(`^(?:attachment|inline); filename=(?:(` + tchar + `+)|"(` + qdtext + `*)"); filename\*=UTF-8''(` + attr + `+)$`)
}()

// parsedDisposition parses a header by the grammar.
func parsedDisposition(t testing.TB, header string) (short, long string) {
	t.Helper()
	m := dispositionGrammar.FindStringSubmatch(header)
	if m == nil {
		t.Fatalf("does not match the grammar: %q", header)
	}
	long, err := url.PathUnescape(m[3])
	if err != nil {
		t.Fatalf("%q: %v", header, err)
	}
	return m[1] + m[2], long
}

// wantSavable checks that every client can save a file under name.
func wantSavable(t testing.TB, name string) {
	t.Helper()
	n, err := vfs.ParseName(name)
	switch {
	case err != nil:
		t.Errorf("%q: %s", name, vfs.ReasonOf(err))
	case n.Base() != name, len(name) > 255, name[0] == '.', strings.ContainsAny(name, `<>:"|?*`), !vfstest.Portable(name):
		t.Errorf("%q cannot be saved everywhere", name)
	}
}

// TestDispositionParsers parses the headers of many nasty names with three parsers: the
// grammar above, that of Go, and the one that most Node.js programs use. All must read the
// same name, and it must be savable.
func TestDispositionParsers(t *testing.T) {
	dir := nodetool.Find(t, "disposition", "package.json", "package-lock.json", "parse.mjs")
	names := nastyNames(t, 3000)
	for c := rune(0x20); c < 0x7f; c++ {
		names = append(names, "a"+string(c)+"b.txt", string(c)+"b.txt", "a."+string(c))
	}
	headers := make([]string, len(names))
	for i, name := range names {
		headers[i] = dispositionOf(t, name)[0]
	}
	cmd := exec.CommandContext(t.Context(), "node", "parse.mjs")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(strings.Join(headers, "\n") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(headers) {
		t.Fatalf("%d results for %d headers", len(lines), len(headers))
	}
	for i, header := range headers {
		var node struct{ Type, Filename, Error string }
		if err := json.Unmarshal([]byte(lines[i]), &node); err != nil {
			t.Fatal(err)
		}
		short, long := parsedDisposition(t, header)
		_, params, err := mime.ParseMediaType(header)
		if err != nil || params["filename"] != long || node.Error != "" || node.Filename != long || node.Type != "attachment" {
			t.Errorf("%q: %q; Go reads %q, %v; Node.js %+v", names[i], header, params["filename"], err, node)
		}
		wantSavable(t, short)
		wantSavable(t, long)
	}
}

// Whatever the filename is, the header is a single line that matches the grammar, and both
// names in it can be saved. A name that can be saved as it is stays unchanged.
func FuzzDisposition(f *testing.F) {
	for _, s := range []string{"a.txt", "фото.jpg", "a\r\nb", `"\`, "%00%", "a;b=c", "a{b}", "\u202e", "", ".", "..", ".txt", strings.Repeat("é", 300) + ".txt", "é.", "e\u0301.txt", "\xff", "a/b\\c", "UTF-8''x", "çon", "\u0301.jpg"} {
		f.Add(s)
	}
	j := jail(f, map[string]string{"a": "x"}, allow("**"))
	f.Fuzz(func(t *testing.T, name string) {
		w := httptest.NewRecorder()
		if err := server.SendFile(w, httptest.NewRequest("GET", "/", nil), j, "a", server.SendOptions{AsAttachment: true, DownloadName: name}); err != nil {
			t.Fatal(err)
		}
		got := w.Header()["Content-Disposition"]
		if len(got) != 1 || len(got[0]) > 1200 {
			t.Fatalf("%q", got)
		}
		short, long := parsedDisposition(t, got[0])
		wantSavable(t, short)
		wantSavable(t, long)
		if strings.ContainsAny(short, "%\"\\") || strings.ContainsFunc(short, func(r rune) bool { return r > '~' }) {
			t.Errorf("fallback %q in %q", short, got[0])
		}
		if same := vfs.SafeName(name, vfs.SafeNameOptions{}).String(); same == name && long != name {
			t.Errorf("%q became %q", name, long)
		}
		_, params, err := mime.ParseMediaType(got[0])
		if err != nil || params["filename"] != long {
			t.Errorf("%q: Go reads %q, %v", got[0], params["filename"], err)
		}
	})
}
