package server

import (
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// top answers GET / of uploads with the page to upload files, for callers who may.
func (h *uploads) top(x *exchange) {
	x.op = vfs.OpUpload
	if err := h.mayUpload(x); err != nil {
		x.fail(err, nil)
		return
	}
	owner := auth.FromContext(x.ctx).Name
	u := page.Upload{Limit: max(h.intake.MaxBytes, 0), Named: owner != ""}
	// A link does not show what else its user has.
	if u.Named && x.link.ID == "" {
		own, next, err := h.ownFiles(x, owner)
		if err != nil {
			x.fail(err, nil)
			return
		}
		for _, rec := range own {
			u.Files = append(u.Files, page.OwnFile{ID: rec.ID.String(), Name: rec.Name, Media: rec.Type, Size: rec.Size, Created: rec.Created})
		}
		if next != nil {
			u.Next = "?" + next.Encode()
		}
	}
	if types := h.intake.Types.String(); types != "*/*" {
		u.Accept = strings.ReplaceAll(types, " ", "")
	}
	d, err := h.site.Upload(x.frame(vfs.Root), u)
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.addVary(listingVary)
	x.sendDocument(http.StatusOK, d, privateNoStore)
}
