// Package uploads stores what clients send.
package uploads

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

func store(w http.ResponseWriter, r *http.Request) {
	_, header, err := r.FormFile("file")
	if err != nil {
		return
	}
	os.Create(filepath.Join("/srv", header.Filename)) // want `BW014: os.Create`
	os.Create(filepath.Join("/srv", uuid.UUID{}.String()+filepath.Ext(header.Filename)))
	if reader, err := r.MultipartReader(); err == nil {
		if part, err := reader.NextPart(); err == nil {
			os.Create(filepath.Join("/srv", part.FileName())) // want `BW014: os.Create`
		}
	}
}

func ofGin(c *gin.Context) {
	file, _ := c.FormFile("file")
	c.SaveUploadedFile(file, "/srv/"+file.Filename) // want `BW014: gin.Context.SaveUploadedFile`
	c.SaveUploadedFile(file, "/srv/fixed")
}
