package listing

import (
	"encoding/json"
	"io"
	"path"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// What is before and after the entries in the JSON object of a page.
type (
	jsonHead struct {
		Dir string   `json:"dir"`
		Can []string `json:"can"`
	}
	jsonTail struct {
		Sorted *bool `json:"sorted,omitempty"` // nil if no order was asked for
		// Complete is nil for other answers than those of a deep search.
		Complete *bool  `json:"complete,omitempty"`
		Next     string `json:"next,omitempty"`
	}
)

type jsonEntry struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Media    string `json:"media,omitempty"`
	Size     *int64 `json:"size,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// WriteJSON writes the page as a JSON object and a newline. It fails only if w does.
func (p *Page) WriteJSON(w io.Writer) error {
	var tail jsonTail
	if p.Query.Sort != "" {
		tail.Sorted = &p.Sorted
	}
	if p.Query.Deep {
		complete := !p.Cut
		tail.Complete = &complete
	}
	tail.Next = p.Next
	// The entries are one member of the object that head and tail would be together.
	head, err := json.Marshal(jsonHead{p.Dir.String(), append([]string{}, p.Can...)})
	if err != nil {
		return err
	}
	rest, err := json.Marshal(tail)
	if err != nil {
		return err
	}
	out := append(head[:len(head)-1], `,"entries":[`...)
	for i := range p.Entries {
		if i > 0 {
			out = append(out, ',')
		}
		b, err := json.Marshal(jsonEntryOf(&p.Entries[i]))
		if err != nil {
			return err
		}
		if out = append(out, b...); len(out) >= jsonAtOnce {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	out = append(out, ']')
	if len(rest) > len("{}") {
		out = append(out, ',')
	}
	out = append(append(out, rest[1:]...), '\n')
	_, err = w.Write(out)
	return err
}

// jsonAtOnce is the number of bytes that are written at a time.
const jsonAtOnce = 4 << 10

func jsonEntryOf(e *vfs.Entry) jsonEntry {
	if e.Kind == vfs.KindDir {
		return jsonEntry{Name: e.Elem, Type: "dir"}
	}
	j := jsonEntry{Name: e.Elem, Type: "file", Media: mediatype.ByName(path.Base(e.Elem))[0], Size: &e.Size}
	if !e.ModTime.IsZero() {
		j.Modified = rfc3339(e.ModTime)
	}
	return j
}
