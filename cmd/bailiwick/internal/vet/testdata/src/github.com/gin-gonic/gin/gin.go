package gin

import (
	"mime/multipart"
	"net/http"
)

type Context struct {
	Request *http.Request
}

func (*Context) Param(string) string                                  { return "" }
func (*Context) Query(string) string                                  { return "" }
func (*Context) File(string)                                          {}
func (*Context) FormFile(string) (*multipart.FileHeader, error)       { return nil, nil }
func (*Context) SaveUploadedFile(*multipart.FileHeader, string) error { return nil }

type RouterGroup struct{}

func (*RouterGroup) Static(string, string)            {}
func (*RouterGroup) StaticFS(string, http.FileSystem) {}

type Engine struct{ RouterGroup }

func Default() *Engine                 { return nil }
func Dir(string, bool) http.FileSystem { return nil }
