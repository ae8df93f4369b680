package vet

import (
	"go/constant"
	"os"

	"golang.org/x/tools/go/ssa"
)

// A sink is a call that uses arguments as paths.
type sink struct {
	id   ID
	args []int // without the receiver
}

var sinks = func() map[string]sink {
	all := map[string]sink{}
	for _, group := range []struct {
		id    ID
		args  []int
		names []string
	}{
		{readByName, []int{0}, []string{
			"os.Open", "os.OpenFile", "os.ReadFile", "os.Stat", "os.Lstat", "os.ReadDir", "os.Readlink", "os.DirFS", "os.OpenRoot", "os.OpenInRoot",
			"io/ioutil.ReadFile", "io/ioutil.ReadDir", "path/filepath.Walk", "path/filepath.WalkDir", "path/filepath.Glob",
			"html/template.ParseFiles", "html/template.ParseGlob", "html/template.Template.ParseFiles", "html/template.Template.ParseGlob",
			"text/template.ParseFiles", "text/template.ParseGlob", "text/template.Template.ParseFiles", "text/template.Template.ParseGlob",
		}},
		{changeByName, []int{0}, []string{
			"os.Create", "os.WriteFile", "os.Mkdir", "os.MkdirAll", "os.Remove", "os.RemoveAll", "os.Chmod", "os.Chown", "os.Lchown",
			"os.Truncate", "os.Chtimes", "os.CopyFS", "os.MkdirTemp", "os.CreateTemp", "io/ioutil.WriteFile", "io/ioutil.TempFile", "io/ioutil.TempDir",
		}},
		{changeByName, []int{0, 1}, []string{"os.Rename", "os.Link"}},
		{changeByName, []int{1}, []string{
			"os.Symlink", "github.com/gin-gonic/gin.Context.SaveUploadedFile", "github.com/gofiber/fiber.Ctx.SaveFile",
		}},
		{serveByName, []int{2}, []string{"net/http.ServeFile"}},
		{serveByName, []int{3}, []string{"net/http.ServeFileFS"}},
		{serveByName, []int{0}, []string{
			"github.com/gin-gonic/gin.Context.File", "github.com/gin-gonic/gin.Context.FileAttachment",
			"github.com/labstack/echo.Context.File", "github.com/labstack/echo.Context.Attachment", "github.com/labstack/echo.Context.Inline",
			"github.com/gofiber/fiber.Ctx.SendFile", "github.com/gofiber/fiber.Ctx.Download",
			"github.com/valyala/fasthttp.RequestCtx.SendFile",
		}},
		{serveByName, []int{1}, []string{"github.com/valyala/fasthttp.ServeFile", "github.com/valyala/fasthttp.ServeFileUncompressed"}},
		{keyByName, []int{2}, []string{
			"github.com/minio/minio-go.Client.GetObject", "github.com/minio/minio-go.Client.PutObject", "github.com/minio/minio-go.Client.RemoveObject",
			"github.com/minio/minio-go.Client.StatObject", "github.com/minio/minio-go.Client.FGetObject", "github.com/minio/minio-go.Client.FPutObject",
			"github.com/minio/minio-go.Client.PresignedGetObject", "github.com/minio/minio-go.Client.PresignedPutObject",
		}},
	} {
		for _, name := range group.names {
			all[name] = sink{group.id, group.args}
		}
	}
	return all
}()

// sinkOf returns what a call does with the paths among its arguments, and those.
func sinkOf(call *ssa.CallCommon) (ID, []ssa.Value) {
	name := calleeName(call)
	s, ok := sinks[name]
	if !ok {
		return "", nil
	}
	args := arguments(call)
	if name == "os.OpenFile" && opensToWrite(args) {
		s.id = changeByName
	}
	if name == "net/http.ServeFileFS" && !servesDisk(args) {
		return "", nil
	}
	var paths []ssa.Value
	for _, i := range s.args {
		if i < len(args) {
			paths = append(paths, spread(args[i])...)
		}
	}
	return s.id, paths
}

// opensToWrite reports whether the flags of os.OpenFile are not certainly those for reading.
func opensToWrite(args []ssa.Value) bool {
	if len(args) < 2 {
		return false
	}
	flags, ok := args[1].(*ssa.Const)
	if !ok || flags.Value == nil {
		return true
	}
	n, exact := constant.Int64Val(constant.ToInt(flags.Value))
	return !exact || n&int64(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0
}

// servesDisk reports whether the file system of http.ServeFileFS can be a directory:
// embedded files and the files of an os.Root cannot be left.
func servesDisk(args []ssa.Value) bool {
	if len(args) < 3 {
		return false
	}
	switch fsys := args[2].(type) {
	case *ssa.MakeInterface:
		name := typeName(fsys.X.Type())
		return name != "embed.FS" && name != "testing/fstest.MapFS" && name != "archive/zip.Reader"
	case *ssa.Call:
		return calleeName(fsys.Common()) != "os.Root.FS"
	}
	return true
}

// s3Key returns the key that a store puts into a request to S3, and the request's type.
func s3Key(store *ssa.Store) (ssa.Value, string) {
	structName, field, _ := fieldOf(store.Addr)
	if field != "Key" && field != "CopySource" {
		return nil, ""
	}
	if s3Requests[structName] {
		return store.Val, shortName(structName) + "." + field
	}
	return nil, ""
}

var s3Requests = func() map[string]bool {
	all := map[string]bool{}
	for _, pkg := range []string{"github.com/aws/aws-sdk-go-v2/service/s3", "github.com/aws/aws-sdk-go/service/s3"} {
		for _, name := range []string{
			"GetObjectInput", "PutObjectInput", "HeadObjectInput", "DeleteObjectInput", "CopyObjectInput", "CreateMultipartUploadInput",
			"GetObjectAttributesInput", "GetObjectAclInput", "PutObjectAclInput", "GetObjectTaggingInput", "SelectObjectContentInput", "UploadPartInput",
		} {
			all[pkg+"."+name] = true
		}
	}
	all["github.com/aws/aws-sdk-go/service/s3/s3manager.UploadInput"] = true
	all["github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager.UploadObjectInput"] = true
	all["github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager.GetObjectInput"] = true
	return all
}()
