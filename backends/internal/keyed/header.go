package keyed

import "github.com/bailiwick-fs/bailiwick/vfs"

// LosesEncoding reports whether opts asks to keep a content coding that cannot be sent to a
// service.
func LosesEncoding(opts *vfs.PutOptions) bool {
	return opts.KeepEncoding && opts.Encoding != "" && !ValidHeader(opts.Encoding)
}

// ValidHeader reports whether all services accept s as the value of a header.
func ValidHeader(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
