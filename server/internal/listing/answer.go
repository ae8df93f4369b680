package listing

import (
	"bytes"
	_ "embed" // for the template
	"html/template"
	"strconv"
	"strings"
	"unicode"
)

var (
	//go:embed answer.html
	answerHTML string

	answer = pageOf(answerHTML)
)

// An Answer is the page that answers the form of a browser.
type Answer struct {
	Title string
	Text  string // "" for none
	Files []File // stored by the request
}

// A File is a file that was stored.
type File struct {
	Name string // the user's filename, any text
	ID   string // of the object, in the directory of the page
	Size int64
}

type answerPage struct {
	Title, Text string
	Style       template.CSS
	Files       []answerFile
}

type answerFile struct{ Name, Href, Size, Bytes string }

// HTML renders the page as an HTML document without scripts.
func (a *Answer) HTML() ([]byte, error) {
	out := answerPage{Title: a.Title, Text: a.Text, Style: template.CSS(pageCSS)}
	for _, f := range a.Files {
		line := answerFile{Name: f.Name, Href: "./" + f.ID, Size: humanSize(f.Size), Bytes: strconv.FormatInt(f.Size, 10)}
		// Otherwise there would be nothing to click on.
		if !strings.ContainsFunc(f.Name, isVisible) {
			line.Name = f.ID
		}
		out.Files = append(out.Files, line)
	}
	var buf bytes.Buffer
	if err := answer.Execute(&buf, &out); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func isVisible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }
