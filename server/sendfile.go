package server

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// SendOptions are the options of [SendFile]. With the zero value, SendFile behaves like
// Flask's send_from_directory, except where that contradicts RFC 9110: several ranges,
// unknown units and malformed ranges get the whole object, a weak If-Range is false, and
// HEAD ignores Range.
type SendOptions struct {
	// ContentType is the media type. "" derives it from DownloadName, or else from the
	// name, by the table of this package. (Flask: mimetype)
	ContentType string

	// AsAttachment makes a browser save the object, under DownloadName.
	// (Flask: as_attachment)
	AsAttachment bool

	// DownloadName is the name under which a browser saves the object. It may be any
	// string: the client gets the result of [vfs.SafeName], with slashes replaced. "" is
	// the last element of the name. (Flask: download_name)
	DownloadName string

	// Unconditional ignores preconditions and ranges. (Flask: conditional=False)
	Unconditional bool

	// ETag is the strong tag to send instead of the backend's, without quotes; NoETag sends
	// none. Preconditions are evaluated with the tag that is sent. (Flask: etag)
	ETag   string
	NoETag bool

	// LastModified, if not zero, is the time to send instead of the backend's. (Flask:
	// last_modified)
	LastModified time.Time

	// MaxAge is how long a client may use the object without revalidation: 0 sends
	// no-cache, below 0 no-cache and max-age=0. MaxAgeFunc, if set, overrides it.
	// (Flask: max_age) Objects that anonymous callers may not read are kept out of
	// caches, see [Auth].
	MaxAge     time.Duration
	MaxAgeFunc func(vfs.Name) time.Duration

	// Content says whether the object is trusted; ContentAuto is ContentTrusted.
	Content Content

	// Recorder and Logger are those of [Config].
	Recorder audit.Recorder
	Logger   *slog.Logger
}

// SendFile answers r with the object called name from jail. The name is decoded, as for
// [vfs.ParseName]. SendFile always writes the whole response: 200, 206, 304, 405, 412, 416,
// 503, or the uniform 404 for every name that is missing or refused. The returned error is
// only for logs. Like a handler of [New], SendFile panics with http.ErrAbortHandler if it
// cannot complete a body.
//
// The package documentation says which headers already set in w are kept.
//
// With ETag, NoETag or LastModified, an If-Range that is false costs a second open.
func SendFile(w http.ResponseWriter, r *http.Request, jail *vfs.Jail, name string, opts SendOptions) error {
	x := begin(w, r, jail, opts.Recorder, opts.Logger)
	defer x.end()
	x.lingering = sendLingering

	if !x.takeMethod(allowReads) || !x.authenticate(&noAuth, vfs.OpRead, nil) {
		return nil
	}
	n, err := vfs.ParseName(name)
	x.attempt.Name = n
	if err != nil {
		x.fail(err, nil)
		return err
	}
	pres := opts.present(n)
	pres.cacheControl = x.cacheControlFor(n, pres.cacheControl)
	obj, err := x.openAs(n, &opts)
	if err != nil {
		x.fail(err, &pres)
		return err
	}
	x.send(obj, &pres)
	return nil
}

// sendLingering is shared by all calls of SendFile, which have no common handler.
var sendLingering = NewSlots(lingerSlots)

// present returns the presentation of the object n.
func (o *SendOptions) present(n vfs.Name) presentation {
	filename := o.DownloadName
	if filename == "" {
		filename = n.Base()
	}
	pres := presentation{contentType: mediatype.ByName(filename), sandbox: o.Content > ContentTrusted}
	if o.ContentType != "" {
		pres.contentType = []string{httpheader.CleanValue(o.ContentType)}
	}
	attached := o.AsAttachment || pres.sandbox && !mediatype.SafeInline(pres.contentType[0])
	switch {
	case attached:
		pres.disposition = []string{httpheader.FormatDisposition("attachment", filename)}
	case o.DownloadName != "":
		pres.disposition = []string{httpheader.FormatDisposition("inline", filename)}
	}
	if mediatype.IsSVGZ(filename) && !attached {
		pres.encoding = gzipEncoding
	}
	age := o.MaxAge
	if o.MaxAgeFunc != nil {
		age = o.MaxAgeFunc(n)
	}
	pres.cacheControl = cacheControl(age)
	if age < 0 {
		pres.cacheControl = []string{"no-cache, max-age=0"}
	}
	return pres
}

// openAs opens the object with the validators of o.
func (x *exchange) openAs(n vfs.Name, o *SendOptions) (*vfs.Object, error) {
	var req vfs.Request
	if !o.Unconditional {
		req = vfs.Request{Range: httpheader.Range(x.r), Cond: httpheader.Conditions(x.r)}
	}
	if o.ETag == "" && !o.NoETag && o.LastModified.IsZero() {
		return x.open(n, req)
	}
	return x.openOverridden(n, req, o)
}

// openOverridden opens the object and evaluates the preconditions of req with the
// validators of o. A backend cannot do that: it has its own validators, and S3 evaluates
// preconditions itself. So the backend gets only the range, and Resolve, which backends
// also use, evaluates the preconditions here.
func (x *exchange) openOverridden(n vfs.Name, req vfs.Request, o *SendOptions) (*vfs.Object, error) {
	obj, err := x.openRange(n, req.Range)
	if err != nil {
		return nil, err
	}
	o.overrideValidators(&obj.Info)
	span, err := req.Resolve("get", obj.Info)
	if err != nil {
		obj.Body.Close()
		return nil, withRule(err, obj.Info.Rule)
	}
	if x.r.Method == http.MethodHead || span == obj.Span {
		return obj, nil
	}
	// If-Range is false, so the client gets the whole object.
	obj.Body.Close()
	if obj, err = x.open(n, vfs.Request{}); err != nil {
		return nil, err
	}
	o.overrideValidators(&obj.Info)
	return obj, nil
}

// openRange opens a range of the object. If the range cannot be satisfied, the object has
// no body: whether that is an error depends on the preconditions.
func (x *exchange) openRange(n vfs.Name, r vfs.Range) (*vfs.Object, error) {
	obj, err := x.open(n, vfs.Request{Range: r})
	var e *vfs.Error
	if errors.Is(err, vfs.ErrRange) && errors.As(err, &e) && e.Info != nil {
		return &vfs.Object{Info: *e.Info, Body: http.NoBody}, nil
	}
	return obj, err
}

// overrideValidators replaces the validators of the backend by those of o.
func (o *SendOptions) overrideValidators(info *vfs.Info) {
	if o.ETag != "" {
		info.ETag = httpheader.CleanTag(o.ETag)
	}
	if o.NoETag {
		info.ETag = ""
	}
	if !o.LastModified.IsZero() {
		info.ModTime = o.LastModified
	}
}

func withRule(err error, rule string) error {
	var e *vfs.Error
	if errors.As(err, &e) {
		e.Rule = rule
	}
	return err
}
