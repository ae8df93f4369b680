package listing

import (
	_ "embed" // for the template
	"html/template"
	"io"
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
	Files []File // of the request
}

// A File is a file of a form.
type File struct {
	Name  string // the user's filename, any text
	Href  string // a reference to the object, relative to the page; "" if there is none
	Size  int64
	Error string // why it was not stored; "" if it was

	Status int // of the refusal, as for a request of its own
}

type answerPage struct {
	Title, Text string
	Style       template.CSS
	Files       []FileLine
}

// A FileLine is a File as pages show it.
type FileLine struct{ Name, Href, Size, Bytes, Error string }

// Lines returns the files as pages show them.
func (a *Answer) Lines() []FileLine {
	lines := make([]FileLine, 0, len(a.Files))
	for _, f := range a.Files {
		line := FileLine{Name: f.Name, Href: f.Href, Error: f.Error}
		if f.Error == "" {
			line.Size, line.Bytes = HumanSize(f.Size), strconv.FormatInt(f.Size, 10)
		}
		// Otherwise there would be nothing to click on.
		if f.Href != "" && !Visible(f.Name) {
			line.Name = strings.TrimPrefix(f.Href, "./")
		}
		lines = append(lines, line)
	}
	return lines
}

// WriteHTML writes the page as an HTML document without scripts. It fails only if w does.
func (a *Answer) WriteHTML(w io.Writer) error {
	out := answerPage{Title: a.Title, Text: a.Text, Style: template.CSS(pageCSS), Files: a.Lines()}
	return answer.Execute(w, &out)
}

// Visible reports whether a text has characters that people can see, and so can click on.
func Visible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
