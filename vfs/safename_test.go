package vfs_test

import (
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The first cases are the inputs of werkzeug's tests of secure_filename, with its
// results. SafeName keeps what a person would recognize, and returns one element that
// can be created on every system; it is not limited to ASCII.
func TestSafeName(t *testing.T) {
	for _, c := range []struct{ in, werkzeug, want, why string }{
		{"My cool movie.mov", "My_cool_movie.mov", "My cool movie.mov", "a space is legal inside a name"},
		{"../../../etc/passwd", "etc_passwd", "passwd", "only the last element is the file's name"},
		{"i contain cool \xfcml\xe4uts.txt", "i_contain_cool_umlauts.txt", "i contain cool mluts.txt", "ill-formed bytes are dropped, nothing is guessed"},
		{"i contain cool ümläuts.txt", "i_contain_cool_umlauts.txt", "i contain cool ümläuts.txt", "letters of all scripts stay"},
		{"__filename__", "filename", "__filename__", "an underscore is harmless"},
		{"foo$&^*)bar", "foobar", "foo$&^_)bar", "only what some system refuses is replaced"},
		{"фото.jpg", "jpg", "фото.jpg", "letters of all scripts stay"},
		{"..", "", "file", "never empty"},
		{"", "", "file", "never empty"},
		{"CON", "CON", "_CON", "a device on Windows, whatever this system is"},
		{"nul.txt", "nul.txt", "_nul.txt", "as above"},
		{"COM¹.log", "COM1.log", "_COM¹.log", "as above"},
		{"aux .txt", "aux_.txt", "_aux .txt", "as above"},

		{".env", "env", "file.env", "never a dot file, and the extension is kept"},
		{".jpg", "jpg", "file.jpg", ""},
		{"....jpg", "jpg", "file.jpg", ""},
		{". ..jpg. ", "jpg", "file.jpg", ""},
		{"\u202e.jpg", "jpg", "file.jpg", "no stem remains"},
		{"\u200b\u00ad.jpg", "jpg", "file.jpg", "the stem is invisible"},
		{"\u3000.jpg", "jpg", "file.jpg", ""},
		{"\u2800.jpg", "jpg", "file.jpg", ""},
		{"\u3164\u115f.jpg", "jpg", "file.jpg", ""},
		{"dir/.jpg", "dir_.jpg", "file.jpg", ""},
		{".tar.gz", "tar.gz", "tar.gz", "this has a stem"},
		{". jpg", "jpg", "jpg", "an extension has no space"},
		{".\u200b", "", "file", "an extension is visible"},
		{"a.\u200b", "a", "a.\u200b", ""},
		{"\u3000\u3000", "", "file", "never invisible"},
		{"\u00a0", "", "file", ""},
		{"\u200b\u2060\ufe0f", "", "file", ""},
		{"\u3164", "", "file", ""},
		{"\u2800", "", "file", ""},
		{"\u0600", "", "\u0600", "a visible format character"},
		{"n\u200cm.txt", "nm.txt", "n\u200cm.txt", "Persian needs joiners and non-joiners"},
		{"...", "", "file", ""},
		{" . . ", "", "file", ""},
		{"a.", "a", "a", "Windows drops trailing dots and spaces"},
		{"a. . ", "a", "a", ""},
		{`C:\Users\me\a.txt`, "CUsersmea.txt", "a.txt", "browsers have sent whole paths"},
		{`a/b\c.txt`, "a_bc.txt", "c.txt", ""},
		{"a/", "a", "file", "nothing after the slash"},
		{"a\x00.php\n.jpg", "a.php.jpg", "a.php.jpg", ""},
		{"photo\u202egpj.exe", "photogpj.exe", "photogpj.exe", "the real extension becomes visible"},
		{"\ufeffa\u2028b\ufffe", "ab", "ab", ""},
		{"cafe\u0301.txt", "cafe.txt", "café.txt", "normal form C"},
		{"e\u200e\u0301", "e", "é", "dropping a character lets others compose"},
		{"10:30?.log", "1030.log", "10_30_.log", ""},
		{`<a href="x">|`, "a_hrefx", "_a href=_x___", ""},
		{"\u212a", "K", "K", ""},
	} {
		if got := vfs.SafeName(c.in, vfs.SafeNameOptions{}); got.String() != c.want {
			t.Errorf("SafeName(%q) = %q, want %q (werkzeug %q) %s", c.in, got, c.want, c.werkzeug, c.why)
		}
	}
}

func TestSafeNameOptions(t *testing.T) {
	long := strings.Repeat("é", 500)
	for _, c := range []struct {
		in   string
		opts vfs.SafeNameOptions
		want string
	}{
		{"..", vfs.SafeNameOptions{Fallback: "upload"}, "upload"},
		{".png", vfs.SafeNameOptions{Fallback: "upload"}, "upload.png"},
		{".png", vfs.SafeNameOptions{Fallback: "\u3000"}, "file.png"},
		{"..", vfs.SafeNameOptions{Fallback: "\u200b"}, "file"},
		{"..", vfs.SafeNameOptions{Fallback: strings.Repeat("u", 300)}, strings.Repeat("u", 255)},
		{".png", vfs.SafeNameOptions{Fallback: strings.Repeat("u", 300)}, strings.Repeat("u", 251) + ".png"},
		{strings.Repeat("\u200b", 90) + "a.png", vfs.SafeNameOptions{MaxBytes: 100}, "a.png"},
		{"..", vfs.SafeNameOptions{Fallback: "../x"}, "file"},
		{"..", vfs.SafeNameOptions{Fallback: `a\b`}, "file"},
		{"..", vfs.SafeNameOptions{Fallback: "."}, "file"},
		{"..", vfs.SafeNameOptions{Fallback: "con"}, "_con"},
		{long + ".jpg", vfs.SafeNameOptions{}, strings.Repeat("é", 125) + ".jpg"},
		{long, vfs.SafeNameOptions{}, strings.Repeat("é", 127)},
		{"a." + long, vfs.SafeNameOptions{}, "a." + strings.Repeat("é", 126)},
		{strings.Repeat("a", 30) + ".txt", vfs.SafeNameOptions{MaxBytes: 20}, strings.Repeat("a", 16) + ".txt"},
		{strings.Repeat("a", 30), vfs.SafeNameOptions{MaxBytes: 3}, strings.Repeat("a", 16)},
		{strings.Repeat("a", 300), vfs.SafeNameOptions{MaxBytes: 1000}, strings.Repeat("a", 255)},
		{strings.Repeat("a", 300), vfs.SafeNameOptions{MaxBytes: -1}, strings.Repeat("a", 255)},
		{"aaaaaaaaaaa . . . . .txt", vfs.SafeNameOptions{MaxBytes: 16}, "aaaaaaaaaaa.txt"},
		{"con.aaaaaaaaaaaa", vfs.SafeNameOptions{MaxBytes: 16}, "_con.aaaaaaaaaaa"},
	} {
		if got := vfs.SafeName(c.in, c.opts); got.String() != c.want {
			t.Errorf("SafeName(%.20q, %+v) = %q, want %q", c.in, c.opts, got, c.want)
		}
	}
}
