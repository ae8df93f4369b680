package httpheader

import (
	"net/http"
	"strconv"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// AppendETag appends the strong ETag of an object, nothing if it has none.
func AppendETag(b []byte, info *vfs.Info) []byte {
	if info.ETag == "" {
		return b
	}
	b = append(b, '"')
	b = append(b, info.ETag...)
	return append(b, '"')
}

// AppendLastModified appends the modification time of an object as an HTTP-date, nothing if
// it has none. The result is that of AppendFormat(b, http.TimeFormat), in a third of the
// time.
func AppendLastModified(b []byte, info *vfs.Info) []byte {
	t, ok := info.LastModified()
	if !ok {
		return b
	}
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if year < 1000 || year > 9999 {
		return t.AppendFormat(b, http.TimeFormat)
	}
	b = append(b, t.Weekday().String()[:3]...)
	b = append(b, ',', ' ', digit(day/10), digit(day), ' ')
	b = append(b, month.String()[:3]...)
	b = append(b, ' ', digit(year/1000), digit(year/100), digit(year/10), digit(year), ' ',
		digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(second/10), digit(second))
	return append(b, " GMT"...)
}

// digit returns the last decimal digit of n.
func digit(n int) byte { return byte('0' + n%10) }

// AppendContentRange appends the Content-Range of a part of an object of the given size.
func AppendContentRange(b []byte, span vfs.Span, size int64) []byte {
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, span.Offset, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, span.Offset+span.Length-1, 10)
	b = append(b, '/')
	return strconv.AppendInt(b, size, 10)
}
