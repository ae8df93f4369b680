package server

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The methods of RFC 4918 for single objects.
const (
	methodCopy = "COPY"
	methodMove = "MOVE"
)

// copyOrMove answers a COPY or MOVE of name (RFC 4918 sections 9.8 and 9.9). The headers
// come first, without any name; then the policy for both names; then the object.
func (h *handler) copyOrMove(x *exchange, name vfs.Name) {
	to, opts, err := h.destination(x.r)
	opts.Source = httpheader.Conditions(x.r)
	x.attempt.To = to
	if err != nil {
		x.fail(err, nil)
		return
	}
	h.transfer(x, name, to, opts)
}

// transfer copies or moves name, in a version for which opts.Source holds, to another name.
func (h *handler) transfer(x *exchange, name, to vfs.Name, opts vfs.PutOptions) {
	x.attempt.To = to
	if err := h.checkTarget(x, name, to); err != nil {
		x.fail(err, nil)
		return
	}
	written, begun, err := h.store(x, name, to, &opts)
	switch {
	case err == nil:
		x.stored(&written)
	case !begun || !h.askToReplace(x, name, to, &opts, err):
		x.fail(h.hideSibling(err), nil)
	}
}

// store makes the copy or the move, and reports whether it has begun: an error from before that
// says nothing about the destination. The bytes can pass through this process, like those of a
// body, so it takes a slot of the intake, which is free before the answer is sent.
func (h *handler) store(x *exchange, name, to vfs.Name, opts *vfs.PutOptions) (written vfs.Written, begun bool, err error) {
	if !h.intake.Slots.take() {
		return written, false, errIntakeBusy
	}
	defer h.intake.Slots.give()
	opts.Source.Unsafe, opts.KeepEncoding = true, true
	if err := h.recheck(x, name, to, opts); err != nil {
		return written, false, err
	}
	if h.cfg.renewsTime(name, to) {
		opts.ContentTime = time.Now()
	}
	transfer := h.jail.Copy
	if x.r.Method == methodMove {
		transfer = h.jail.Move
	}
	written, err = transfer(x.ctx, to, h.jail, name, *opts)
	return written, true, err
}

// renewsTime reports whether an object gets the present time when it is copied or moved. With the
// time that it has, it could be older than a sidecar of what had its name before. A sidecar keeps
// its own, so that one which was older than its original stays so; and so does what gets another
// spelling only.
func (cfg *Config) renewsTime(name, to vfs.Name) bool {
	return (cfg.Sidecars || cfg.SidecarsBeside) && !hasCodingSuffix(to.Base()) &&
		(name.Dir() != to.Dir() || vfs.Fold(name.Base()) != vfs.Fold(to.Base()))
}

// destination returns the name and the options that the headers of a request ask for.
// Conditions apply to the object of the request, as always in HTTP; Overwrite and If to the
// destination.
func (h *handler) destination(r *http.Request) (to vfs.Name, opts vfs.PutOptions, err error) {
	switch overwrite := r.Header["Overwrite"]; {
	case len(overwrite) == 0 || len(overwrite) == 1 && overwrite[0] == "T":
	case len(overwrite) == 1 && overwrite[0] == "F":
		opts.Cond.IfNoneMatch.Any = true
	default:
		return to, opts, errOverwrite
	}
	lines := r.Header["Destination"]
	if len(lines) != 1 {
		return to, opts, errDestination
	}
	if to, err = h.referred(r, lines[0]); err != nil {
		return to, opts, err
	}
	if lines := r.Header["If"]; len(lines) > 0 {
		// What cannot be evaluated must not be dropped: it keeps something from being replaced.
		ref, is, ok := httpheader.TaggedCondition(lines)
		if !ok {
			return to, opts, errIf
		}
		if n, err := h.referred(r, ref); err != nil || n != to {
			return to, opts, errIf
		}
		opts.Cond.IfMatch = is
	}
	return to, opts, nil
}

// referred returns the name that a URL or path in a header of r has in this handler.
func (h *handler) referred(r *http.Request, ref string) (vfs.Name, error) {
	u, err := url.Parse(ref)
	// A destination is an absolute URL or an absolute path (RFC 4918 section 10.3). A
	// path that begins with two slashes would be a host to one reader and a path to
	// another.
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		!strings.HasPrefix(encodedPath(u), "/") || (u.Scheme == "") != (u.Host == "") {
		return vfs.Name{}, errDestination
	}
	if u.Host != "" && !sameHost(u, r) {
		return vfs.Name{}, refusal("", audit.ReasonDestination)
	}
	return h.destinationName(r, u)
}

// destinationName returns the name that the path of u has in this handler.
func (h *handler) destinationName(r *http.Request, u *url.URL) (vfs.Name, error) {
	// What a router has removed from the path of the request is the path of the mount.
	mount, ok := strings.CutSuffix(sentPath(r), encodedPath(r.URL))
	rest, below := strings.CutPrefix(encodedPath(u), mount)
	if !ok || !below || !h.hasPath(r, encodedPath(u)) {
		return vfs.Name{}, refusal("", audit.ReasonDestination)
	}
	inner, err := url.ParseRequestURI(rest)
	if err != nil || !strings.HasPrefix(rest, "/") {
		return vfs.Name{}, refusal("", audit.ReasonDestination)
	}
	to, isDir, err := pathName(inner)
	if err == nil && isDir {
		err = refusal(to.String(), reason.Directory)
	}
	return to, err
}

// hasPath reports whether an escaped path, on the host of the request, is one of this handler.
func (h *handler) hasPath(r *http.Request, path string) bool {
	return h.cfg.Auth.HasURL == nil || h.cfg.Auth.HasURL(strings.ToLower(r.Host), path)
}

// checkReached refuses a name that came from elsewhere than from a URL if the URL of that name
// is not one of this handler: nobody could reach the object.
func (h *handler) checkReached(r *http.Request, n vfs.Name) error {
	if h.cfg.Auth.HasURL == nil {
		return nil
	}
	mount, ok := strings.CutSuffix(sentPath(r), encodedPath(r.URL))
	if !ok || !h.hasPath(r, mount+"/"+n.EscapedPath()) {
		return refusal(n.String(), audit.ReasonDestination)
	}
	return nil
}

// encodedPath returns the path of a URL as it was sent. EscapedPath would encode the
// decoded path anew if that has a byte that Go does not accept, and a %2F in it would
// become a slash: see requestName.
func encodedPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// sameHost reports whether a URL has the host of the request, which may omit the default
// port. The scheme may differ, since a proxy in front can add TLS.
func sameHost(u *url.URL, r *http.Request) bool {
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	if port == "" {
		return false
	}
	return strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(r.Host, port))
}

// sourceOps returns the operations on the object of the request that COPY or MOVE needs, in
// addition to OpWrite on the destination.
func sourceOps(method string) []vfs.Op {
	if method == methodMove {
		return []vfs.Op{vfs.OpRead, vfs.OpDelete}
	}
	return []vfs.Op{vfs.OpRead}
}

// checkTarget decides what can be decided without the object. Jail.Copy and Jail.Move
// check the policy again; it comes first here so that a name outside of it gets the 404
// even if something is wrong with its type.
func (h *handler) checkTarget(x *exchange, name, to vfs.Name) error {
	err := refusedBy(h.jail.Explain(x.ctx, vfs.OpWrite, to))
	for _, op := range sourceOps(x.r.Method) {
		if err == nil {
			err = refusedBy(h.jail.Explain(x.ctx, op, name))
		}
	}
	if err != nil {
		return err
	}
	if to == name {
		if _, err := h.jail.Head(x.ctx, name, vfs.Request{}); err != nil {
			return err
		}
		return errSameObject
	}
	if !h.intake.Types.set.HasName(to.Base()) {
		return errType
	}
	return nil
}

// recheck applies the rules for request bodies to an object that gets another type by its
// new name, or that an Inspector has not seen under it: otherwise a client could upload
// one type and rename it to another. It pins the version that it checked.
func (h *handler) recheck(x *exchange, name, to vfs.Name, opts *vfs.PutOptions) error {
	newType := mediatype.ByName(to.Base())[0]
	limited := h.intake.Types.String() != "*/*" && newType != mediatype.ByName(name.Base())[0]
	if h.intake.Inspect == nil && !limited && x.r.Method == methodMove {
		return nil
	}
	if h.intake.Inspect == nil && !limited {
		// The copy takes as much room as a body.
		info, err := h.jail.Head(x.ctx, name, vfs.Request{Cond: opts.Source})
		if err == nil && h.intake.tooLarge(info.Size) {
			err = errTooLarge
		}
		return err
	}
	obj, err := h.jail.Get(x.ctx, name, vfs.Request{Cond: opts.Source})
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	if obj.Info.ETag == "" {
		return errNoTransfer
	}
	checked := h.intake.checked(x.ctx, obj.Body, Upload{Name: to, Filename: to.Base(), Type: newType})
	defer checked.close()
	// An Inspector sees everything before the first byte; the type needs no more than that.
	if _, err := checked.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return err
	}
	if h.intake.tooLarge(obj.Info.Size) {
		return errTooLarge
	}
	opts.Source = vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: obj.Info.ETag, Set: true}}}}
	return nil
}
