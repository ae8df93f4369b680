package server

import (
	"net/http"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The values of Allow.
var (
	allowReads   = []string{"GET, HEAD, OPTIONS"}
	allowWrites  = []string{"GET, HEAD, OPTIONS, PUT, DELETE, COPY, MOVE"}
	allowPosts   = []string{"GET, HEAD, OPTIONS, POST"}
	allowUploads = []string{"GET, HEAD, POST, DELETE, OPTIONS"}
	allowObjects = []string{"GET, HEAD, DELETE, OPTIONS"}
)

// takeMethod reports whether the method is GET or HEAD. It answers other methods itself,
// without looking at the name.
func (x *exchange) takeMethod(allow []string) bool {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		x.takeOther(allow)
		return false
	}
	x.boundRest()
	return true
}

// takeOther answers OPTIONS, or a method that is not supported.
func (x *exchange) takeOther(allow []string) {
	x.boundRest()
	h := x.Header()
	h["Allow"] = allow
	if x.r.Method != http.MethodOptions {
		x.fail(errMethod, nil)
		return
	}
	h["X-Content-Type-Options"] = noSniff
	x.WriteHeader(http.StatusNoContent)
}

// takeUploadMethod is takeMethod for uploads, which also support POST and DELETE. It checks
// only whether the path is "/", the one path that supports POST, or the path of the mount
// (itself).
func (x *exchange) takeUploadMethod(itself bool) bool {
	switch x.r.Method {
	case http.MethodDelete:
		return true
	case http.MethodPost:
		if itself || isTop(x.r.URL) {
			return true
		}
		return x.takeMethod(allowObjects)
	}
	return x.takeMethod(allowUploads)
}

func isWrite(method string) bool {
	switch method {
	case http.MethodPut, http.MethodDelete, methodCopy, methodMove:
		return true
	}
	return false
}

// opOf returns the operation of a method on an object.
func opOf(method string) vfs.Op {
	switch method {
	case http.MethodPut, methodCopy, methodMove:
		return vfs.OpWrite
	case http.MethodDelete:
		return vfs.OpDelete
	case http.MethodPost:
		return vfs.OpUpload
	}
	return vfs.OpRead
}
