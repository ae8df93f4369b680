package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// OwnElement is the path element that servers reserve for themselves: package signin and
// [NewShares] have paths below it at the top of each host, and full pages load files below it at
// the top of each mount.
const OwnElement = page.Reserved

// Page says what browsers get for a directory, with Config.List, and for the top of uploads.
// The zero Page is a plain table for directories, and nothing for uploads.
//
// A full page reserves the path element .bailiwick, in all spellings: below /.bailiwick/ the
// handler serves what its pages load, to everyone, and no object has a name with that
// element.
type Page struct {
	Mode PageMode

	// The look of a full page: Title is the name of the site, "" for Files; Logo is a PNG,
	// JPEG, GIF, WebP or SVG image of at most 256 KiB, nil for none; Color is the color of
	// links and buttons, #rrggbb, "" for a blue. Shades that would be unreadable are adjusted.
	Title string
	Logo  []byte
	Color string

	// Shares says that the server has shares, by [NewShares]. Listings then say whether the
	// caller may share, and full pages link to the shares.
	Shares bool

	// Below are other handlers at paths below this one, whose names are not entries of a
	// directory. All full pages of the handler link to those that the caller may open.
	Below []Below
}

// A Below is another handler, and who may know of it. The zero Below is for nobody.
type Below struct {
	Name vfs.Name                       // its path, relative to the top of the handler that leads there
	Open func(ctx context.Context) bool // whether the caller may open its top; nil is never
}

// PageMode is the kind of a [Page].
type PageMode uint8

const (
	PagePlain PageMode = iota // a table without scripts
	PageFull                  // the page to browse, search, preview and change files
	PageOff                   // directories are listed as JSON only
)

// Reserved returns the patterns of the names that no object has because of the page. New
// denies them; a policy that denies them, too, says so to everything else that asks it, such
// as vfs.Jail.Explain.
func (p Page) Reserved() []vfs.Pattern {
	if p.Mode != PageFull {
		return nil
	}
	return vfs.Patterns("**/" + OwnElement)
}

// Check returns an error if the page is invalid. New panics if given such a page.
func (p Page) Check() error {
	switch {
	case p.Mode > PageOff:
		return fmt.Errorf("Page.Mode is %d; write PagePlain, PageFull or PageOff", p.Mode)
	case p.Mode != PageFull && (p.Title != "" || p.Logo != nil || p.Color != ""):
		return errors.New("Page.Title, Logo or Color is set, but Page.Mode is not PageFull")
	}
	if slices.ContainsFunc(p.Below, func(b Below) bool { return b.Open != nil && (b.Name.IsZero() || b.Name.IsRoot()) }) {
		return errors.New("Page.Below has a handler without a path below the top")
	}
	_, err := p.look()
	return err
}

func (p Page) look() (*page.Site, error) {
	return page.New(page.Options{Title: p.Title, Logo: p.Logo, Color: p.Color, Shares: p.Shares})
}

// site returns the look of the page, nil unless it is a full page.
func (c configCheck) site(p *Page) *page.Site {
	if err := p.Check(); err != nil {
		c.panicf("Page: %v", err)
	}
	if p.Mode != PageFull {
		return nil
	}
	site, err := p.look()
	if err != nil {
		c.panicf("Page: %v", err)
	}
	return site
}

// assetsBelow is where the files of pages are, below the top of a mount.
const assetsBelow = "/" + OwnElement + "/"

// pageRule is the rule in records of what pages load.
const pageRule = "page"

// sendAsset answers a request for a file that pages load, and reports whether it is one.
// These files are constant, and a sign-in page needs them, so everyone gets them.
func (x *exchange) sendAsset(site *page.Site) bool {
	if site == nil || !strings.HasPrefix(x.r.URL.Path, assetsBelow) || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		return false
	}
	name, isDir, err := requestName(x.r)
	if err != nil || isDir {
		return false
	}
	asset, ok := site.Asset(name.String())
	if !ok {
		return false
	}
	x.boundRest()
	x.attempt.Name, x.attempt.Rule = name, pageRule
	asset.SetHeaders(x.Header())
	x.sendAll(http.StatusOK, asset.Body)
	return true
}

// sendDocument answers with a page.
func (x *exchange) sendDocument(status int, d *page.Document, cacheControl []string) {
	h := x.Header()
	d.SetHeaders(h)
	if !d.Posts {
		x.hideReferrer()
	}
	h["Cache-Control"] = cacheControl
	if x.r.Method == http.MethodHead {
		// A HEAD reads no file, so it does not know how long its page is.
		x.WriteHeader(status)
		return
	}
	x.sendRendered(status, d.Render)
}

// frame returns what is around the page for dir.
func (x *exchange) frame(dir vfs.Name) page.Frame {
	path := ""
	if !dir.IsRoot() {
		path = dir.String() + "/"
	}
	f := page.Frame{Base: page.BaseOf(path)}
	if x.share == nil {
		x.addUser(&f) // the principal of a share is its issuer, which the link must not show
		x.addBelow(&f)
	}
	return f
}

// addBelow adds to the frame what leads to other handlers, which a signed link does not open.
func (x *exchange) addBelow(f *page.Frame) {
	for _, b := range x.below {
		if x.link.ID == "" && b.Open != nil && b.Open(x.ctx) {
			f.Below = append(f.Below, page.Link{Text: b.Name.String(), Href: f.Base + b.Name.EscapedPath() + "/"})
		}
	}
}

// addUser adds to the frame who asks, and what leads to the pages for users. Only a session can
// be ended by a button: other credentials come again with the next request.
func (x *exchange) addUser(f *page.Frame) {
	f.User = auth.FromContext(x.ctx).Name
	if f.User != "" && x.site != nil && x.site.HasShares {
		f.Shares = page.SharesPath
	}
	if x.auth.SignIn == nil {
		return
	}
	switch auth.FromContext(x.ctx).Method {
	case "":
		f.SignIn = page.LoginPath + "?" + url.Values{"next": {sentPath(x.r)}}.Encode()
	case auth.MethodSession:
		f.SignOut, f.Next = page.LogoutPath, sentPath(x.r)
	}
}

// sharePage returns a reference to the form that makes a share of elem in the directory of the
// request, or of the directory itself if elem is ""; it is "" if the path of the request is no
// directory.
func (x *exchange) sharePage(elem string) string {
	path, err := url.PathUnescape(sentPath(x.r))
	if err != nil || !strings.HasSuffix(path, "/") {
		return ""
	}
	return page.SharesPath + "?" + url.Values{"path": {path + elem}}.Encode()
}
