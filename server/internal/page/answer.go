package page

import (
	_ "embed" // for the template

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
	Files       []listing.FileLine
}

// Answer renders the page that answers a form.
func (s *Site) Answer(frame Frame, status int, a *listing.Answer) *Document {
	v := &answerView{Title: a.Title, Text: a.Text, Failed: status >= 400, Files: a.Lines()}
	if h := headlines[status]; h != "" {
		v.Title = h
	}
	stored := false
	for i, f := range a.Files {
		stored = stored || f.Error == ""
		if h := headlines[f.Status]; h != "" {
			v.Files[i].Error = h
		}
	}
	if len(a.Files) > 0 && !stored {
		v.Text = "Nothing was stored."
	}
	frame.Title = v.Title
	return s.document(answerPage, &view{Frame: frame, Answer: v})
}
