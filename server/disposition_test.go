package server_test

import (
	"mime"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server"
)

// dispositionOf returns the header for a download called name.
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
	for name, want := range map[string]string{
		"report.pdf":        `attachment; filename=report.pdf; filename*=UTF-8''report.pdf`,
		"my report.pdf":     `attachment; filename="my report.pdf"; filename*=UTF-8''my%20report.pdf`,
		"фото.jpg":          `attachment; filename=file.jpg; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE.jpg`,
		"naïve.txt":         `attachment; filename=naive.txt; filename*=UTF-8''na%C3%AFve.txt`,
		"100%.txt":          `attachment; filename=100_.txt; filename*=UTF-8''100%25.txt`,
		`a"b\c.txt`:         `attachment; filename=a_b_c.txt; filename*=UTF-8''a%22b_c.txt`,
		"a\r\nX: y.txt":     `attachment; filename="aX: y.txt"; filename*=UTF-8''aX%3A%20y.txt`,
		"../../etc/passwd":  `attachment; filename=".._.._etc_passwd"; filename*=UTF-8''.._.._etc_passwd`,
		"txt.\u202eexe.pdf": `attachment; filename=txt.exe.pdf; filename*=UTF-8''txt.exe.pdf`,
		"\u202e\x00\xff":    `attachment`,
		".txt":              `attachment; filename=file.txt; filename*=UTF-8''.txt`,
		"фото":              `attachment; filename=file; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE`,
		"...":               `attachment; filename=file; filename*=UTF-8''...`,
	} {
		got := dispositionOf(t, name)
		if len(got) != 1 || !sameDisposition(got[0], want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := dispositionOf(t, ""); got[0] != `attachment; filename=a; filename*=UTF-8''a` {
		t.Errorf("no name: %q", got)
	}
}

// sameDisposition compares but for quotes, which a token may have or not.
func sameDisposition(a, b string) bool {
	return strings.ReplaceAll(a, `"`, "") == strings.ReplaceAll(b, `"`, "")
}

// Whatever a file is called, the header is one line that parses, gives back the
// clean name, and has a fallback that every client can take.
func FuzzDisposition(f *testing.F) {
	for _, s := range []string{"a.txt", "фото.jpg", "a\r\nb", `"\`, "%00%", "a;b=c", "\u202e", "", ".", "..", ".txt", strings.Repeat("é", 300) + ".txt", "é.", "e\u0301.txt", "\xff", "a/b\\c", "UTF-8''x"} {
		f.Add(s)
	}
	j := jail(f, map[string]string{"a": "x"}, allow("**"))
	f.Fuzz(func(t *testing.T, name string) {
		w := httptest.NewRecorder()
		if err := server.SendFile(w, httptest.NewRequest("GET", "/", nil), j, "a", server.SendOptions{AsAttachment: true, DownloadName: name}); err != nil {
			t.Fatal(err)
		}
		got := w.Header()["Content-Disposition"]
		if len(got) != 1 || len(got[0]) > 2048 {
			t.Fatalf("%q", got)
		}
		for _, c := range []byte(got[0]) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q in %q", c, got[0])
			}
		}
		kind, params, err := mime.ParseMediaType(got[0])
		if err != nil || kind != "attachment" {
			t.Fatalf("%q: %q, %v", got[0], kind, err)
		}
		long := params["filename"]
		if strings.ContainsFunc(long, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune("/\\", r)
		}) || len(long) > 255 || !utf8.ValidString(long) {
			t.Fatalf("%q turned into %q", name, long)
		}
		if clean := utf8.ValidString(name) && len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool {
			return r < 0x20 || r >= 0x7f || r == '/' || r == '\\'
		}); clean && name != "" && long != name {
			t.Fatalf("%q turned into %q", name, long)
		}
		if long == "" {
			return
		}
		_, rest, ok := strings.Cut(got[0], "filename=")
		short, _, _ := strings.Cut(rest, "; filename*")
		short = strings.Trim(short, `"`)
		if !ok || short == "" || strings.ContainsAny(short, `%"\/`) || strings.HasPrefix(short, ".") && !strings.HasPrefix(long, ".") {
			t.Fatalf("fallback %q in %q", short, got[0])
		}
	})
}
