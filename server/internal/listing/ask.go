package listing

import (
	"bytes"
	_ "embed" // for the templates
	"html/template"
)

var (
	//go:embed ask.html
	askHTML string
	//go:embed files.html
	filesHTML string

	ask, files = pageOf(askHTML), pageOf(filesHTML)
)

type formPage struct {
	Title, Text string
	Style       template.CSS
}

// Ask returns the page that asks for the password of a share, without scripts. text says what
// was wrong, "" for nothing.
func Ask(text string) ([]byte, error) {
	return form(ask, formPage{Title: "Password", Text: text})
}

// FileForm returns the page of a share that receives files, without scripts.
func FileForm() ([]byte, error) { return form(files, formPage{Title: "Send files"}) }

func form(t *template.Template, p formPage) ([]byte, error) {
	p.Style = template.CSS(pageCSS)
	var buf bytes.Buffer
	err := t.Execute(&buf, &p)
	return buf.Bytes(), err
}
