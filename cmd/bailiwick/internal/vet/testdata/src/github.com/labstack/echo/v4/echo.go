package echo

import (
	"io/fs"
	"mime/multipart"
)

type Context interface {
	Param(string) string
	QueryParam(string) string
	FormFile(string) (*multipart.FileHeader, error)
	File(string) error
}

type Echo struct{}

func New() *Echo                     { return nil }
func (*Echo) Static(string, string)  {}
func (*Echo) StaticFS(string, fs.FS) {}
