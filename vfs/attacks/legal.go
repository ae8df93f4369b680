package attacks

import (
	"context"
	"embed"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A LegalName is a name that has to be served, however odd it looks: a server that
// refuses everything would pass every attack.
type LegalName struct {
	Raw  string // a request path for it, as sent, without the leading slash
	Name string // the decoded name
	Data string // its content in the fixture
}

// Legal returns the names that must be served. They are all in the directory "legal". Not
// every disk can store all of them: Windows refuses some characters, and macOS treats the
// two accents as the same name.
func Legal() []LegalName {
	list := slices.Clone(legalNames)
	for i := range list {
		l := &list[i]
		l.Raw, l.Name = "legal/"+l.Raw, "legal/"+l.Name
		l.Data = "legal: " + l.Name + "\n"
	}
	return list
}

// Portable reports whether the disks of all systems can store name. It uses the rule
// for creation, through [vfs.Jail.Explain], and the limits of Windows and macOS for the
// length of a path. Two portable names that differ only in case are the same on some
// disks.
func Portable(name string) bool {
	n, err := vfs.ParseName(name)
	if err != nil || len(name) > 600 {
		return false
	}
	return portableJail.Explain(context.Background(), vfs.OpWrite, n).Allowed
}

var portableJail = func() *vfs.Jail {
	j, err := vfs.New(vfs.FromFS(embed.FS{}), vfs.Policy{Allow: vfs.Patterns(`re:(\.?[^/]+/)*\.?[^/]+`)})
	if err != nil {
		panic(err)
	}
	return j
}()

var legalNames = []LegalName{
	{Raw: "plain.txt", Name: "plain.txt"},
	{Raw: "%70lain2.tx%74", Name: "plain2.txt"}, // unnecessary escapes
	{Raw: "two%20words.txt", Name: "two words.txt"},
	{Raw: "%20leading%20and%20trailing%20", Name: " leading and trailing "},
	{Raw: "a+b.txt", Name: "a+b.txt"}, // '+' is a space in queries only
	{Raw: "a%2Bb%2Bc.txt", Name: "a+b+c.txt"},
	{Raw: "100%25.txt", Name: "100%.txt"},
	{Raw: "%252e%252e", Name: "%2e%2e"}, // decoded once
	{Raw: "a%252fb", Name: "a%2fb"},
	{Raw: "%2525", Name: "%25"},
	{Raw: "a..b", Name: "a..b"},
	{Raw: "a...", Name: "a..."},
	{Raw: "a.", Name: "a."},
	{Raw: "a%20", Name: "a "},
	{Raw: "~user", Name: "~user"},
	{Raw: "~", Name: "~"},
	{Raw: "-rf", Name: "-rf"},
	{Raw: "aux.txt", Name: "aux.txt"},
	{Raw: "CON", Name: "CON"},
	{Raw: "COM%C2%B9", Name: "COM¹"},
	{Raw: "10:30.log", Name: "10:30.log"},
	{Raw: "C:x", Name: "C:x"},
	{Raw: "file::%24DATA", Name: "file::$DATA"},
	{Raw: "SECRET~1.TXT", Name: "SECRET~1.TXT"},
	{Raw: "what%3F.txt", Name: "what?.txt"},
	{Raw: "hash%23tag.txt", Name: "hash#tag.txt"},
	{Raw: "a;b=c,d&e@f!$'().txt", Name: "a;b=c,d&e@f!$'().txt"},
	{Raw: "%22quoted%22.txt", Name: `"quoted".txt`},
	{Raw: "%3Cb%3Ebold", Name: "<b>bold"},
	{Raw: "a*b", Name: "a*b"},
	{Raw: "%5Babc%5D%7Bd,e%7D", Name: "[abc]{d,e}"}, // special characters of globs, taken literally
	{Raw: "pipe%7Cx", Name: "pipe|x"},
	{Raw: "back%60tick%5E", Name: "back`tick^"},
	{Raw: "caf%C3%A9.txt", Name: "caf\u00e9.txt"},   // normal form C
	{Raw: "cafe%CC%81.txt", Name: "cafe\u0301.txt"}, // normal form D: a different name
	{Raw: "Case.txt", Name: "Case.txt"},
	{Raw: "case.txt", Name: "case.txt"},
	{Raw: "%D1%84%D0%BE%D1%82%D0%BE.jpg", Name: "фото.jpg"},
	{Raw: "%E5%86%99%E7%9C%9F.jpg", Name: "写真.jpg"},
	{Raw: "%F0%9F%98%80.txt", Name: "😀.txt"},
	{Raw: "%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80.txt", Name: "👩\u200d🚀.txt"}, // contains a joiner
	{Raw: "%E2%80%A5", Name: "\u2025"},                                   // ".." after NFKC
	{Raw: "%EF%BC%8E%EF%BC%8E", Name: "．．"},                              // full width; also ".." after NFKC
	{Raw: "a%E2%88%95b", Name: "a∕b"},                                    // a division slash is not a separator
	{Raw: "deep/1/2/3/4/5/6/7/8/9/10/end", Name: "deep/1/2/3/4/5/6/7/8/9/10/end"},
	{Raw: "order/a-b", Name: "order/a-b"}, // before the directory "a/"
	{Raw: "order/a/x", Name: "order/a/x"},
	{Raw: "order/a0", Name: "order/a0"},
	{Raw: strings.Repeat("e", 255), Name: strings.Repeat("e", 255)},
	{Raw: strings.Repeat("%C3%A9", 127), Name: strings.Repeat("\u00e9", 127)},
	// With the prefix "legal/", exactly 1024 bytes.
	{Raw: strings.Repeat(strings.Repeat("d", 253)+"/", 4) + "ee", Name: strings.Repeat(strings.Repeat("d", 253)+"/", 4) + "ee"},
}
