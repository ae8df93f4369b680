package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Fill stores the files of the site.
func Fill(ctx context.Context, memory vfs.Backend) error {
	files, err := files()
	if err != nil {
		return err
	}
	for name, content := range files {
		n, err := vfs.ParseName(name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		opts := vfs.PutOptions{Size: int64(len(content)), SizeKnown: true}
		if _, err := memory.Put(ctx, n, strings.NewReader(content), opts); err != nil {
			return err
		}
	}
	return nil
}

// files returns the site: content by name.
func files() (map[string]string, error) {
	files := map[string]string{
		"Start here.md":        startHere,
		"Documents/Letter.txt": "Dear reader,\n\nthis file is plain text. Your browser shows it on the page.\n\nYours,\nthe demo\n",
		"Documents/Recipe.md":  "# Bread\n\n- 500 g flour\n- 330 g water\n- 10 g salt\n- patience\n\nMix, wait, fold, wait, bake at **230 °C**.\n",
		"Documents/Page.html":  "<!doctype html>\n<title>A page</title>\n<p>Others can write to this site, so your browser downloads this page and never runs it.\n<script>alert('This never runs.')</script>\n",
		"Documents/data.csv":   "city,height\nBern,540\nMadrid,657\nSofia,595\n",
		"Documents/data.json":  "{\n  \"kind\": \"demo\",\n  \"files\": \"in memory\"\n}\n",
		"Documents/Report.pdf": report(),
		"Documents/empty.txt":  "",
		"Sound/Chime.wav":      chime(),
		"Pictures/Logo.svg":    logo,

		// Names as people write them.
		"Names/two words.txt":                                  "Spaces are fine.\n",
		"Names/Äpfel & Öl.txt":                                 "Umlauts, too.\n",
		"Names/100% sure?.txt":                                 "Signs that mean something in a URL.\n",
		"Names/写真 2026.txt":                                    "Chinese characters.\n",
		"Names/Привет.txt":                                     "Cyrillic.\n",
		"Names/🎉 party 🎈.txt":                                  "Emoji.\n",
		"Names/<b>not bold.txt":                                "Markup in a name is text.\n",
		"Names/" + strings.Repeat("A long name ", 15) + ".txt": "It is cut on the page, and whole in the tooltip.\n",

		"Playground/Change me.txt":         "Rename, replace or delete me.\n",
		"Playground/Folder/A file.txt":     "Move me.\n",
		"Team/Minutes.txt":                 "Only users who signed in can change this directory.\n",
		"Private/" + first + "/Diary.txt":  "Only " + first + " sees this.\n",
		"Private/" + second + "/Plans.txt": "Only " + second + " sees this.\n",

		// No rule allows the first, and a deny rule covers the second.
		"passwords.txt":        "You never see this.\n",
		"Documents/draft.docx": "You never see this.\n",
	}
	for i := range 300 {
		files[fmt.Sprintf("Many/Entry %03d.txt", i+1)] = fmt.Sprintf("This is entry %d of 300.\n", i+1)
	}
	pictures, err := pictures()
	for name, content := range pictures {
		files["Pictures/"+name] = content
	}
	return files, err
}

const startHere = `# A site to try

All of this is in memory, and is forgotten when the program ends.

- Documents, Pictures, Sound: open a file to see its preview.
- Many: 300 entries to sort, filter and search.
- Names: names with spaces, umlauts, other scripts and emoji.
- Playground: anyone on this machine can upload, rename, move and delete here.
- Team: users who signed in can do that here.
- Private: each user has a directory of their own, which others cannot see. Sign in first.
- Inbox: files that are dropped here get a name from the server, and only their owner sees them.

There are also files that no rule allows. Nothing shows that they exist.
`

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="12" fill="#246"/><path d="M16 46V18h16a9 9 0 0 1 4 17 8 8 0 0 1-4 11z" fill="#fff"/></svg>
`
