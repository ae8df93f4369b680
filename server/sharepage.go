package server

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
)

// The pages of shares are for browsers: everything else gets JSON. Each button is a form that
// sends a request which every client can send.

// sendShareForm sends the form to make a share of a path.
func (h *shares) sendShareForm(x *exchange, path string) {
	form, err := h.shareForm(path)
	if err != nil {
		x.fail(err, nil)
		return
	}
	h.sendSharePage(x, http.StatusOK, page.Shares{Form: form})
}

// sendOwn sends a page of a caller's shares. next is the last of them if there are more.
func (h *shares) sendOwn(x *exchange, found []catalog.Share, next string) {
	p := page.Shares{}
	now := h.now(x.ctx)
	var size int64
	for i := range found {
		s := &found[i]
		size += rowBytes + int64(len(s.Path)+len(s.Note))
		p.Rows = append(p.Rows, page.ShareRow{
			ID: s.ID.String(), Path: s.ShownPath(), Note: s.Note, Used: s.Used, Limit: s.Limit,
			Password: s.Password != "", Upload: s.Upload, Expired: !now.Before(s.Expires), Until: s.Expires,
		})
	}
	if err := x.hold(size); err != nil {
		x.fail(err, nil)
		return
	}
	if next != "" {
		p.Next = "?" + url.Values{"after": {next}}.Encode()
	}
	h.sendSharePage(x, http.StatusOK, p)
}

// shareForm returns the form for a path. It does not look whether there is something: the
// request to make the share does.
func (h *shares) shareForm(path string) (*page.ShareForm, error) {
	parsed, dir, err := parseSharePath(path)
	if err != nil {
		return nil, err
	}
	return &page.ShareForm{
		Path: (&catalog.Share{Path: parsed, Dir: dir}).ShownPath(), Dir: dir, CanUpload: dir, Age: formatDays(min(defaultShareTime, h.cfg.MaxAge)),
	}, nil
}

// sendMade shows the link of a new share.
func (h *shares) sendMade(x *exchange, s *catalog.Share, link string) {
	h.sendSharePage(x, http.StatusCreated, page.Shares{Form: &page.ShareForm{
		Path: s.ShownPath(), Dir: s.Dir, URL: originOf(x.r) + link, Href: link,
		Password: s.Password != "", Until: s.Expires,
	}})
}

// refuseForm shows the form again, with what was wrong. It reports false if err is not about
// what the form says.
func (h *shares) refuseForm(x *exchange, path string, err error) bool {
	var e *httpError
	if !errors.As(err, &e) || e.status >= http.StatusInternalServerError || e.status == http.StatusNotFound {
		return false
	}
	form, bad := h.shareForm(path)
	if bad != nil {
		return false
	}
	form.Alert = strings.TrimSpace(e.text)
	x.attempt.Verdict, x.attempt.Reason = e.verdict, e.reason
	h.sendSharePage(x, e.status, page.Shares{Form: form})
	return true
}

func (h *shares) sendSharePage(x *exchange, status int, p page.Shares) {
	var frame page.Frame
	x.addUser(&frame)
	x.sendDocument(status, h.site.Shares(frame, p), privateNoStore)
}

// originOf returns the scheme and host of the server as the sender of a form names them. The
// server may be behind a proxy, and does not know them itself. It returns "" if the browser
// does not say, or says another host.
func originOf(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// formatDays returns a length of time as parseDays reads it.
func formatDays(d time.Duration) string {
	if days := d / (24 * time.Hour); days*24*time.Hour == d {
		return strconv.Itoa(int(days)) + "d"
	}
	return d.String()
}
