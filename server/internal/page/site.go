// Package page renders the page for people: listings, uploads, and the small pages around
// them, as HTML documents that work without scripts and that one module improves. All pages
// have the same frame, style and Content-Security-Policy.
package page

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
)

var (
	//go:embed shell.html
	shellHTML string
	//go:embed icons.html
	iconsHTML string
	//go:embed page.css
	pageCSS string
	//go:embed module
	moduleFiles embed.FS
	//go:embed icon.svg
	iconSVG string
)

// moduleParts are the files of the one module that pages load, in order.
var moduleParts = []string{
	"elements.js", "local.js", "requests.js", "dialogs.js", "filter.js", "viewer.js", "change.js", "select.js", "uploads.js", "own.js", "main.js",
}

var pageJS = func() []byte {
	var b []byte
	for _, name := range moduleParts {
		part, err := moduleFiles.ReadFile("module/" + name)
		if err != nil {
			panic(err)
		}
		b = append(b, part...)
	}
	return b
}()

// Reserved is the path element below which each mount with a page has its assets. No object
// of such a mount has a name with this element.
const Reserved = ".bailiwick"

// Options say how the pages of a site look. The zero Options are the default look.
type Options struct {
	Title string // of the site, "" for Files
	Logo  []byte // an image; nil for none
	Color string // of links and buttons, #rrggbb; "" for a blue

	Shares bool // the server has shares
}

// A Site has the look of all pages and the assets that they load. It is immutable.
type Site struct {
	Title                                     string
	StylePath, ModulePath, LogoPath, IconPath string // below the top of the mount; LogoPath may be ""
	Style                                     template.CSS
	Icon                                      template.URL // of pages that load nothing: without one, browsers ask for /favicon.ico
	HasShares                                 bool
	assets                                    map[string]*Asset
}

// An Asset is a constant file that pages load. Its name has a hash of its content.
type Asset struct {
	Type string
	Body []byte
}

// New returns a Site. It fails if the title has characters that nobody can see, if the color
// is not one, or if the logo is not an image that browsers show.
func New(o Options) (*Site, error) {
	s := &Site{Title: o.Title, HasShares: o.Shares, assets: map[string]*Asset{}}
	if s.Title == "" {
		s.Title = "Files"
	}
	if err := CheckTitle(s.Title); err != nil {
		return nil, err
	}
	palette, err := paletteOf(o.Color)
	if err != nil {
		return nil, err
	}
	style := palette + pageCSS
	s.Style = template.CSS(style)
	s.StylePath = s.add("page", ".css", "text/css; charset=utf-8", []byte(style))
	s.ModulePath = s.add("page", ".js", "text/javascript; charset=utf-8", pageJS)
	s.Icon = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(iconSVG)))
	s.IconPath = s.add("icon", ".svg", "image/svg+xml", []byte(iconSVG))
	if len(o.Logo) > 0 {
		ext, media, err := logoType(o.Logo)
		if err != nil {
			return nil, err
		}
		s.LogoPath = s.add("logo", ext, media, o.Logo)
	}
	return s, nil
}

// maxTitle bounds the title of a site, in bytes.
const maxTitle = 100

// CheckTitle returns an error if a site cannot have the title.
func CheckTitle(title string) error {
	switch {
	case len(title) > maxTitle:
		return fmt.Errorf("the title has %d bytes; at most %d are allowed", len(title), maxTitle)
	case strings.ToValidUTF8(title, "") != title || strings.ContainsFunc(title, isInvisible) || strings.TrimSpace(title) == "":
		return errors.New("the title has characters that cannot be seen, or nothing else")
	}
	return nil
}

func (s *Site) add(base, ext, media string, body []byte) (path string) {
	sum := sha256.Sum256(body)
	name := base + "-" + hex.EncodeToString(sum[:8]) + ext
	s.assets[name] = &Asset{media, body}
	return Reserved + "/" + name
}

// Asset returns the asset with a path below the top of the mount.
func (s *Site) Asset(path string) (*Asset, bool) {
	name, ok := strings.CutPrefix(path, Reserved+"/")
	if !ok {
		return nil, false
	}
	a, ok := s.assets[name]
	return a, ok
}

// assetPolicy is for assets that somebody opens as a document: a logo may be an SVG with a
// script.
const assetPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// SetHeaders sets the headers of the asset, but for Content-Length.
func (a *Asset) SetHeaders(h http.Header) {
	h["Content-Type"] = []string{a.Type}
	h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	h["Content-Security-Policy"] = []string{assetPolicy}
	h["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
}

// A Document is a page. It is rendered while it is sent, since a whole page can be some times
// as large as what it shows.
type Document struct {
	CSP string // of this document alone: it has the nonce

	// Posts says that the page is a form to post. Its Referrer-Policy must not be no-referrer:
	// browsers then send the form with "Origin: null", and without TLS nothing else tells it from
	// one of another site.
	Posts bool

	template *template.Template
	view     *view
}

// Render writes the page. It fails only if w does.
func (d *Document) Render(w io.Writer) error { return d.template.ExecuteTemplate(w, "shell", d.view) }

// SetHeaders sets the headers that every page has. Content-Length and Cache-Control are the
// caller's.
func (d *Document) SetHeaders(h http.Header) {
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Content-Security-Policy"] = []string{d.CSP}
	h["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	h["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
	h["Referrer-Policy"] = []string{"same-origin"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
}

// csp returns the policy of a page: its own style and module, content of this server, and
// nothing that turns text into markup. A page that loads nothing has its icon in it.
func csp(nonce string, loads bool) string {
	images := "'self'"
	if !loads {
		images = "data:"
	}
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
		"'; img-src " + images + "; media-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'" +
		"; require-trusted-types-for 'script'; trusted-types 'none'"
}

// A Frame is what all pages have around their content.
type Frame struct {
	// Title is the title of the document, any text; with "", it is the title of the site alone.
	Title string

	// Base leads from the path of the request to the top of the mount: "./", "../" and so
	// on. With "", the page loads nothing: its style is part of it, so it can have any path.
	Base string

	// Home is where the title of the site leads; "" is Base, or the top of the host without one.
	Home string

	// User is who is signed in, "" for nobody. SignOut is where to post to sign out, and
	// SignIn the page to sign in; "" for neither.
	User, SignOut, SignIn string
	Next                  string // where to go after signing out
	Below                 []Link // to other parts of the site
	Shares                string // the page of the user's shares, "" for none
}

// BaseOf returns the Base of a page with this path below the top of its mount, such as
// "a/b/" or "a/b"; "" is the top.
func BaseOf(path string) string {
	if n := strings.Count(path, "/"); n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// view is the data of a template.
type view struct {
	Frame
	Site   *Site
	Nonce  string
	Module bool // loads the module
	List   *listView
	Show   *File
	Upload *Upload
	Answer *answerView
	Form   *Form
	Made   *Shares
}

// parse returns the template of a page with that content.
func parse(content string) *template.Template {
	t := template.New("page")
	for _, text := range []string{shellHTML, iconsHTML, content} {
		template.Must(t.Parse(text))
	}
	return t
}

func (s *Site) document(t *template.Template, v *view) *Document {
	var random [16]byte
	rand.Read(random[:]) // never fails
	v.Site, v.Nonce = s, base64.RawURLEncoding.EncodeToString(random[:])
	return &Document{csp(v.Nonce, v.Base != ""), v.Form != nil && v.Form.Button != "", t, v}
}

func isInvisible(r rune) bool {
	return r < ' ' || r == 0x7f || slices.ContainsFunc(unseen, func(t [2]rune) bool { return t[0] <= r && r <= t[1] })
}

// unseen are control characters, and those that change the direction of text.
var unseen = [][2]rune{{0x80, 0x9f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}}
