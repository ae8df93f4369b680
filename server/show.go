package server

import (
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// showsFile answers a request for the page of a file in dir, and reports whether it is one:
//
//	?show=NAME        a preview, and what the caller may do with the file
//	?show=NAME&frame  a PDF, as the preview has it in a frame
//	?delete=NAME      a form that asks before it deletes the file
//
// Each of them is a read of the file.
func (h *handler) showsFile(x *exchange, dir vfs.Name) bool {
	if x.r.URL.RawQuery == "" {
		return false
	}
	q := x.r.URL.Query()
	key := "show"
	if q.Has("delete") {
		key = "delete"
	}
	if !q.Has(key) {
		return false
	}
	name, err := dir.Child(q.Get(key))
	x.attempt.Name, x.op = name, vfs.OpRead
	switch {
	case err != nil:
		x.fail(err, nil)
	case x.link.ID != "":
		// A link is for the URL of one object.
		x.fail(refusal(name.String(), audit.ReasonLink), nil)
	case q.Has("frame") && page.IsPDF(mediatype.ByName(name.Base())[0]):
		h.frameFile(x, name)
	default:
		h.showFile(x, name, key == "delete")
	}
	return true
}

func (h *handler) showFile(x *exchange, name vfs.Name, deletes bool) {
	f, err := h.describeFile(x, name)
	if err != nil {
		x.fail(err, nil)
		return
	}
	render := h.site.File
	if deletes {
		if !f.CanDelete {
			x.fail(refusal(name.String(), audit.ReasonMethod), nil)
			return
		}
		render = h.site.ConfirmDelete
	}
	f.Name = x.shown(name)
	x.addVary(listingVary)
	x.sendDocument(http.StatusOK, render(x.frame(f.Name.Dir()), f), privateNoStore)
}

// describeFile returns what the page of a file shows. It reads the file only to show its text.
func (h *handler) describeFile(x *exchange, name vfs.Name) (f page.File, err error) {
	f.Name, f.Media = name, mediatype.ByName(name.Base())[0]
	info, err := h.jail.Head(x.ctx, name, vfs.Request{})
	if err != nil {
		return f, err
	}
	x.attempt.Rule = info.Rule
	if page.IsText(f.Media) && info.Size <= page.MaxText && info.Encoding == "" && x.r.Method != http.MethodHead {
		if info, f.Text, err = x.readText(name, info.Size); err != nil {
			return f, err
		}
	}
	f.Size, f.ModTime, f.ETag = info.Size, info.ModTime, string(httpheader.AppendETag(nil, &info))
	may := func(op vfs.Op, n vfs.Name) bool { return h.intake != nil && h.jail.Explain(x.ctx, op, n).Allowed }
	f.CanDelete = may(vfs.OpDelete, name)
	f.CanCopy = h.intake != nil && h.mayCreateIn(x, name.Dir())
	f.CanMove = f.CanCopy && f.CanDelete
	if h.mayShare(x, name, false) {
		f.Share = x.sharePage(name.Base())
	}
	return f, nil
}

// readText reads a file of at most size bytes. Its text is nil if it is larger, or not UTF-8. The
// client may take minutes to read it.
func (x *exchange) readText(name vfs.Name, size int64) (vfs.Info, *string, error) {
	// Before the file is opened, which is a use of a share.
	if err := x.hold(size); err != nil {
		return vfs.Info{}, nil, err
	}
	obj, err := x.open(name, vfs.Request{})
	if err != nil {
		return vfs.Info{}, nil, err
	}
	defer obj.Body.Close()
	if obj.Info.Size > size { // it has just grown
		return obj.Info, nil, nil
	}
	var b strings.Builder
	b.Grow(int(obj.Info.Size))
	if _, err := io.Copy(&b, obj.Body); err != nil {
		return vfs.Info{}, nil, err
	}
	text := b.String()
	if !utf8.ValidString(text) {
		return obj.Info, nil, nil
	}
	return obj.Info, &text, nil
}

// frameFile sends a PDF to be shown in a frame of its page. Its own sandbox confines it: with
// the sandbox of a frame, browsers show no PDF at all. No cache stores it: programs that want
// JSON get the listing from this URL.
func (h *handler) frameFile(x *exchange, name vfs.Name) {
	pres := h.present(x, name, nil)
	pres.disposition, pres.sandbox, pres.cacheControl = nil, true, privateNoStore
	obj, err := x.open(name, vfs.Request{Range: httpheader.Range(x.r), Cond: httpheader.Conditions(x.r)})
	if err != nil {
		x.fail(err, &pres)
		return
	}
	x.send(obj, &pres)
}
