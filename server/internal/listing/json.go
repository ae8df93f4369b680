package listing

import (
	"encoding/json"
	"path"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

type jsonPage struct {
	Dir     string      `json:"dir"`
	Can     []string    `json:"can"`
	Entries []jsonEntry `json:"entries"`
	Sorted  *bool       `json:"sorted,omitempty"` // nil if no order was asked for
	// Complete is nil for other answers than those of a deep search.
	Complete *bool  `json:"complete,omitempty"`
	Next     string `json:"next,omitempty"`
}

type jsonEntry struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Media    string `json:"media,omitempty"`
	Size     *int64 `json:"size,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// JSON renders the page as a JSON object and a newline.
func (p *Page) JSON() ([]byte, error) {
	out := jsonPage{Dir: p.Dir.String(), Can: append([]string{}, p.Can...), Entries: make([]jsonEntry, len(p.Entries)), Next: p.Next}
	if p.Query.Sort != "" {
		out.Sorted = &p.Sorted
	}
	if p.Query.Deep {
		complete := !p.Cut
		out.Complete = &complete
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Kind == vfs.KindDir {
			out.Entries[i] = jsonEntry{Name: e.Elem, Type: "dir"}
			continue
		}
		out.Entries[i] = jsonEntry{Name: e.Elem, Type: "file", Media: mediatype.ByName(path.Base(e.Elem))[0], Size: &e.Size}
		if !e.ModTime.IsZero() {
			out.Entries[i].Modified = rfc3339(e.ModTime)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
