package server

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// isPost reports whether a request is a POST to a directory: its path ends in a slash. Forms
// can send nothing else.
func isPost(r *http.Request) bool {
	return r.Method == http.MethodPost && isDirPath(r.URL)
}

func isDirPath(u *url.URL) bool { return strings.HasSuffix(spelled(u), "/") }

// post answers a POST to dir: files to store in it, or a form that asks for what a DELETE, COPY
// or MOVE does.
func (h *handler) post(x *exchange, dir vfs.Name) {
	switch kind, boundary := formOf(x.r); kind {
	case formFiles:
		h.postFiles(x, dir, boundary)
	case formFields:
		h.postAction(x, dir)
	default:
		x.fail(errNoForm, nil)
	}
}

// formOp returns the operation by which a form is judged before its body is read. An action may
// need the right to delete alone, and it is judged again, by its own operation, once it is known.
func (h *handler) formOp(r *http.Request) vfs.Op {
	if kind, _ := formOf(r); kind == formFields && h.opens != nil && h.opens.Open(vfs.OpDelete) {
		return vfs.OpDelete
	}
	return vfs.OpWrite
}

// An action is what a form asks for.
type action struct {
	method    string // of the request that does the same
	name, to  vfs.Name
	source    vfs.Cond // its precondition
	overwrite bool
	replaced  vfs.Tags // the versions of to that may be overwritten
}

// postAction does what a form asks for, as the request that it stands for would.
func (h *handler) postAction(x *exchange, dir vfs.Name) {
	fields, err := h.intake.receiveFields(x)
	if err != nil {
		x.fail(err, nil)
		return
	}
	cond := httpheader.Conditions(x.r)
	a, err := parseAction(dir, fields)
	if a.method != "" {
		x.standFor(a.method)
	}
	switch {
	case err != nil:
	case !appliesToForm(cond):
		err = errPrecondition
	default:
		a.overwrite = a.overwrite && !cond.IfNoneMatch.Any
	}
	if err != nil {
		x.fail(err, nil)
		return
	}
	x.part = part{dir, a.method}
	x.attempt.Name = a.name
	reached := h.checkReached(x.r, a.name)
	if reached == nil && a.method != http.MethodDelete {
		reached = h.checkReached(x.r, a.to)
	}
	if reached != nil {
		x.fail(reached, nil)
		return
	}
	if a.method == http.MethodDelete {
		h.remove(x, a.name, a.source)
		return
	}
	h.transfer(x, a.name, a.to, vfs.PutOptions{Cond: vfs.Cond{IfMatch: a.replaced, IfNoneMatch: vfs.Tags{Any: !a.overwrite}}, Source: a.source})
}

// standFor makes the request of a form the one that it stands for, which all checks see. The record
// has the method that was sent.
func (x *exchange) standFor(method string) {
	as := new(http.Request)
	*as = *x.r
	as.Method = method
	x.attempt.Method = x.r.Method
	x.r, x.op = as, opOf(method)
}

// receiveFields returns the fields of a form without files.
func (in *intake) receiveFields(x *exchange) (url.Values, error) {
	if err := in.checkHeader(x.r); err != nil {
		return nil, err
	}
	body, err := in.receive(x)
	if err != nil {
		return nil, err
	}
	defer x.endBody(body)
	return readFields(body, maxFieldBytes)
}

// parseAction returns what the fields of a form ask for in dir. Each field may be given once:
// readers disagree about which one of two counts.
func parseAction(dir vfs.Name, fields url.Values) (a action, err error) {
	for _, key := range [...]string{"action", "name", "etag", "to", "replace", "to_etag"} {
		if len(fields[key]) > 1 {
			return a, errAction
		}
	}
	a.method = actions[fields.Get("action")]
	isDelete := a.method == http.MethodDelete
	if a.method == "" || fields.Get("name") == "" || isDelete == fields.Has("to") || (isDelete || !fields.Has("replace")) && fields.Has("to_etag") || isDelete && fields.Has("replace") {
		return a, errAction
	}
	if a.name, err = dir.Child(fields.Get("name")); err != nil {
		return a, err
	}
	if tag := fields.Get("etag"); tag != "" {
		a.source.IfMatch = ifMatch(tag)
	}
	if tag := fields.Get("to_etag"); tag != "" {
		a.replaced = ifMatch(tag)
	}
	if a.overwrite, err = isSet(fields.Get("replace")); err != nil {
		return a, errAction
	}
	if !isDelete {
		a.to, err = destinationIn(dir, a.name, fields.Get("to"))
	}
	return a, err
}

// actions are the methods that forms can ask for.
var actions = map[string]string{"delete": http.MethodDelete, "copy": methodCopy, "move": methodMove}

// destinationIn returns the name that people mean by to: relative to dir or, with a slash
// before it, to the top of the mount. With a slash after it, it is a directory for an object
// called like name.
func destinationIn(dir, name vfs.Name, to string) (vfs.Name, error) {
	rest, fromTop := strings.CutPrefix(to, "/")
	if fromTop {
		dir = vfs.Root
	}
	if into, ok := strings.CutSuffix(rest, "/"); ok || rest == "" && fromTop {
		rest = name.Base()
		if into != "" {
			rest = into + "/" + rest
		}
	}
	below, err := vfs.ParseName(rest)
	if err != nil {
		return below, err
	}
	return dir.Join(below)
}

// isSet returns the value of a checkbox. Any other value is an error.
func isSet(value string) (bool, error) {
	switch value {
	case "":
		return false, nil
	case "1", "on":
		return true, nil
	}
	return false, errReplace
}

// ifMatch returns the condition that a field with an ETag stands for.
func ifMatch(tag string) vfs.Tags {
	as := http.Request{Method: http.MethodPut, Header: http.Header{"If-Match": {tag}}}
	return httpheader.Conditions(&as).IfMatch
}

// tagOf returns the field that ifMatch made tags of.
func tagOf(tags vfs.Tags) string {
	if len(tags.List) != 1 {
		return ""
	}
	tag := string(httpheader.AppendETag(nil, &vfs.Info{ETag: tags.List[0].Value}))
	if tags.List[0].Weak {
		tag = "W/" + tag
	}
	return tag
}

// askToReplace answers a form of a browser that failed with err since there is an object called
// to. It shows which version that is, and asks for the consent to replace it. It reports false
// if it has not answered: the version that the person has seen is there, so something else has
// changed; or what is there is not for this person to read.
func (h *handler) askToReplace(x *exchange, name, to vfs.Name, opts *vfs.PutOptions, err error) bool {
	if !x.form || h.site == nil || !errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, fs.ErrNotExist) {
		return false
	}
	info, err := h.jail.Head(x.ctx, to, vfs.Request{Cond: vfs.Cond{IfNoneMatch: opts.Cond.IfMatch}})
	if err != nil || info.ETag == "" {
		return false
	}
	d := h.site.ConfirmReplace(x.frame(name.Dir()), page.Replacement{
		Action: formAction(x.r.Method), Name: name.Base(), ETag: tagOf(opts.Source.IfMatch),
		To: to, ToETag: string(httpheader.AppendETag(nil, &info)), Size: info.Size, ModTime: info.ModTime,
	})
	x.attempt.Rule = info.Rule
	x.sendDocument(errPrecondition.status, d, noStore)
	return true
}

// formAction returns the action of a form that stands for a method.
func formAction(method string) string {
	for name, m := range actions {
		if m == method {
			return name
		}
	}
	return ""
}

// newOnly returns the condition that an object is only created, if only is set.
func newOnly(only bool) vfs.Cond { return vfs.Cond{IfNoneMatch: vfs.Tags{Any: only}} }
