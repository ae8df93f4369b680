package vfs

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// maxCreateElements is the maximum number of elements of a created name. A write may
// have to create, synchronize and later remove a directory for each, so without a limit
// one client could cause work for all.
const maxCreateElements = 64

// checkCreate is the stricter grammar of names to create: a name that it accepts is
// valid on any file system. Reading does not require it, since S3 keys and Unix files
// may legally be called "aux.txt" or "10:30.log".
func checkCreate(n Name) Reason {
	if strings.Count(n.s, "/") >= maxCreateElements {
		return reason.CreateDepth
	}
	if !norm.NFC.IsNormalString(n.s) {
		return reason.CreateNFC
	}
	if strings.ContainsAny(n.s, `:*?"<>|`) {
		return reason.CreateChar
	}
	for elem := range n.Elements() {
		if c := elem[len(elem)-1]; c == '.' || c == ' ' {
			return reason.CreateTrailing
		}
		if isDeviceName(elem) {
			return reason.CreateDevice
		}
	}
	return ""
}

// isDeviceName reports whether Windows treats elem as a device. It does so in any case,
// in any directory, with any extension and with spaces before the extension
// (CVE-2023-45284, CVE-2025-66221). Superscript digits count, too.
func isDeviceName(elem string) bool {
	base, _, _ := strings.Cut(elem, ".")
	base, _, _ = strings.Cut(base, ":")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	digit, ok := strings.CutPrefix(base, "COM")
	if !ok {
		digit, ok = strings.CutPrefix(base, "LPT")
	}
	if !ok {
		return false
	}
	switch digit {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
