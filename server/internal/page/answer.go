package page

import (
	_ "embed" // for the template
	"strconv"

	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
)

var (
	//go:embed answer.html
	answerHTML string

	answerPage = parse(answerHTML)
)

// headlines say what a status means to people.
var headlines = map[int]string{
	400: "The form could not be read",
	401: "Sign in first",
	408: "The connection was too slow",
	409: "There is another name like this",
	412: "It exists already, or was changed meanwhile",
	413: "This is too large",
	415: "Files of this type are not accepted",
	422: "This name or content is not accepted",
	429: "Too many requests",
	500: "Something went wrong",
	503: "The server is busy",
	507: "There is no space left",
}

type answerView struct {
	Title, Text string
	Failed      bool
	Files       []answerFile
}

type answerFile struct{ Name, Href, Size, Bytes, Error string }

// Answer renders the page that answers a form.
func (s *Site) Answer(frame Frame, status int, a *listing.Answer) (*Document, error) {
	v := &answerView{Title: a.Title, Text: a.Text, Failed: status >= 400}
	if h := headlines[status]; h != "" {
		v.Title = h
	}
	stored := false
	for _, f := range a.Files {
		stored = stored || f.Error == ""
		line := answerFile{Name: f.Name, Href: f.Href, Error: f.Error}
		if h := headlines[f.Status]; h != "" {
			line.Error = h
		}
		if f.Error == "" {
			line.Size, line.Bytes = listing.HumanSize(f.Size), strconv.FormatInt(f.Size, 10)
		}
		if f.Href != "" && !listing.Visible(f.Name) {
			line.Name = f.Href
		}
		v.Files = append(v.Files, line)
	}
	if len(a.Files) > 0 && !stored {
		v.Text = "Nothing was stored."
	}
	frame.Title = v.Title
	return s.render(answerPage, &view{Frame: frame, Answer: v})
}
