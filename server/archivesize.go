package server

import (
	"math"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The sizes of the parts of an archive, as package archive/zip writes them for contents whose
// size is not in the header before them.
const (
	zipLocalHeader  = 30
	zipDescriptor   = 16
	zipDescriptor64 = 24
	zipDirHeader    = 46
	zipDirHeader64  = 28 // more than zipDirHeader
	zipTimeExtra    = 9
	zipSpare        = 8 + 4 // an extra field, of which the longest suffix of a coding takes 4 bytes
	zipEnd          = 22
	zipEnd64        = 56 + 20 // more than zipEnd
)

// zipSize returns the size of an archive of the objects.
func zipSize(objects []vfs.Entry) int64 {
	var offset, dir int64
	for i := range objects {
		e := &objects[i]
		named := int64(len(zipName(e.Elem))) + zipSpare
		if zipHasTime(e.ModTime.UTC()) {
			named += zipTimeExtra
		}
		dir += zipDirHeader + named
		if e.Size >= math.MaxUint32 || offset >= math.MaxUint32 {
			dir += zipDirHeader64
		}
		offset += zipLocalHeader + named + e.Size + zipDescriptor
		if e.Size >= math.MaxUint32 {
			offset += zipDescriptor64 - zipDescriptor
		}
	}
	size := offset + dir + zipEnd
	if len(objects) >= math.MaxUint16 || dir >= math.MaxUint32 || offset >= math.MaxUint32 {
		size += zipEnd64
	}
	return size
}
