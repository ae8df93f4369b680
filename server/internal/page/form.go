package page

import (
	_ "embed" // for the template
	"html/template"
	"slices"
)

var (
	//go:embed form.html
	formHTML string

	formPage *template.Template = parse(formHTML)
)

// A Form is the content of a small page: to sign in, to ask for a password, files or a
// confirmation, or, without a button, to say something. All its texts may be anything.
type Form struct {
	Title string // the heading, and the title of the document
	Alert string // what went wrong, "" for nothing
	Text  string
	Name  string // of an object that the page is about, "" for none

	Action string // where the form is posted to; "" is the URL of the page
	Fields []Field
	Button string // "" for a page without a form
	Danger bool   // the button destroys something
	Links  []Link // below the form
}

// A Field is a field of a form. All but hidden ones are required.
type Field struct {
	Name, Label  string
	Type         string // "text", "password", "hidden", or "file" for any number of files
	Value        string
	Autocomplete string // such as "username"
}

// HasFiles reports whether the form sends files.
func (f *Form) HasFiles() bool {
	return slices.ContainsFunc(f.Fields, func(field Field) bool { return field.Type == "file" })
}

// A Link is a link on a small page.
type Link struct{ Text, Href string }

// Form renders a small page. It loads no module.
func (s *Site) Form(frame Frame, f Form) *Document {
	if frame.Title == "" {
		frame.Title = f.Title
	}
	return s.document(formPage, &view{Frame: frame, Form: &f})
}
