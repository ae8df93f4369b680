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

// SendOptions are the options of [SendFile]. The zero value sends the object as
// Flask's send_from_directory does where that agrees with RFC 9110: several
// ranges, unknown units and malformed ones are answered with the whole object,
// a weak If-Range never holds, and a HEAD has no range.
type SendOptions struct {
	// ContentType is the media type; "" takes it from DownloadName, else from
	// the name, by the table of this package. (Flask: mimetype)
	ContentType string

	// AsAttachment makes a browser save the object, under DownloadName.
	// (Flask: as_attachment)
	AsAttachment bool

	// DownloadName is what a browser is to call the object, whatever it holds: the
	// client gets what [vfs.SafeName] makes of it, a slash taken as a letter. "" is the
	// last element of the name. (Flask: download_name)
	DownloadName string

	// Unconditional ignores preconditions and ranges. (Flask: conditional=False)
	Unconditional bool

	// ETag is the strong tag to send, without its quotes, in the place of the
	// backend's; NoETag sends none. Preconditions are decided by what is sent.
	// (Flask: etag)
	ETag   string
	NoETag bool

	// LastModified is the time to send in the place of the backend's, if it is
	// not zero. (Flask: last_modified)
	LastModified time.Time

	// MaxAge is how long a client may use the object without asking again: 0
	// says nothing but no-cache, below 0 adds max-age=0 to that. MaxAgeFunc, if
	// set, is asked in its place. (Flask: max_age) What the jail's Authorizer does not
	// open to anyone is kept out of caches, see [Auth].
	MaxAge     time.Duration
	MaxAgeFunc func(vfs.Name) time.Duration

	// Content says whose the object is; ContentAuto is ContentTrusted.
	Content Content

	// Recorder and Logger are those of [Config].
	Recorder audit.Recorder
	Logger   *slog.Logger
}

// SendFile answers r with the object name, a decoded name as [vfs.ParseName]
// takes it, out of jail. It writes the whole response: 200, 206, 304, 405, 412,
// 416, 503, or the one 404 for every name that is missing or refused. The error
// that it returns is for logs; nothing is left to answer. Like a handler of
// [New], it panics with http.ErrAbortHandler where a body cannot be completed.
//
// Headers that w has already are kept as the package documentation says.
//
// An ETag or time of the caller's own costs the backend a second open where an
// If-Range fails.
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

// sendLingering is for all calls of SendFile, which have no handler in common.
var sendLingering = NewSlots(lingerSlots)

// look returns how the object is to be presented.
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

// openAs opens the object with the validators that the caller wants to show.
func (x *exchange) openAs(n vfs.Name, o *SendOptions) (*vfs.Object, error) {
	var req vfs.Request
	if !o.Unconditional {
		req = vfs.Request{Range: httpheader.Range(x.r), Cond: httpheader.Conditions(x.r)}
	}
	if o.ETag == "" && !o.NoETag && o.LastModified.IsZero() {
		return x.open(n, req)
	}
	// The backend decides by validators of its own, so it is asked for the
	// range alone, and the conditions are decided here, by the same Resolve.
	obj, err := x.open(n, vfs.Request{Range: req.Range})
	var e *vfs.Error
	switch {
	case err == nil:
		o.overrideValidators(&obj.Info)
	case errors.Is(err, vfs.ErrRange) && errors.As(err, &e) && e.Info != nil:
		o.overrideValidators(e.Info)
		obj = &vfs.Object{Info: *e.Info, Body: http.NoBody}
	default:
		return nil, err
	}
	span, err := req.Resolve("get", obj.Info)
	if err != nil {
		obj.Body.Close()
		return nil, withRule(err, obj.Info.Rule)
	}
	if x.r.Method == http.MethodHead || span == obj.Span {
		return obj, nil
	}
	// If-Range does not hold: the whole object it is.
	obj.Body.Close()
	obj, err = x.open(n, vfs.Request{})
	if err == nil {
		o.overrideValidators(&obj.Info)
	}
	return obj, err
}

// dress puts the caller's validators in the place of the backend's.
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
