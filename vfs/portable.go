package vfs

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// maxCreateElements is the most elements that a created name has. Each is a
// directory that a write may have to make, synchronise and later remove, so that
// depth is work that one client could cause for all.
const maxCreateElements = 64

// checkCreate is the stricter grammar of names that are about to be created:
// what it accepts can move to any file system. Reading does not ask for it,
// since S3 keys and Unix files are legally called "aux.txt" or "10:30.log".
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

// isDeviceName reports whether Windows takes elem for a device, which it does
// in any case, in any directory, with any extension and with spaces before it
// (CVE-2023-45284, CVE-2025-66221). The superscript digits count, too.
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
