package vfs

import "strings"

// A Reason says why a name was refused. Its string is stable: it stands in
// audit logs, in metrics and in what explain and scan print. It is for
// operators; a client never sees one. The part before the dot is the step of
// the road that refused.
type Reason string

// The reasons. Clients see all of them as a missing name.
const (
	ReasonNameEmpty          Reason = "name.empty"            // no name at all
	ReasonNameTooLong        Reason = "name.too_long"         // over MaxNameBytes or Policy.MaxLen
	ReasonNameElementTooLong Reason = "name.element_too_long" // an element over MaxElementBytes
	ReasonNameSlash          Reason = "name.slash"            // a leading, trailing or doubled slash
	ReasonNameDot            Reason = "name.dot"              // an element "."
	ReasonNameDotDot         Reason = "name.dotdot"           // an element ".."
	ReasonNameBackslash      Reason = "name.backslash"        // "\", plain or as %5C
	ReasonNameNUL            Reason = "name.nul"              // NUL, plain or as %00
	ReasonNameControl        Reason = "name.control"          // C0, DEL or C1
	ReasonNameUTF8           Reason = "name.utf8"             // ill-formed UTF-8
	ReasonNameBidi           Reason = "name.bidi"             // a control of writing direction
	ReasonNameUnicode        Reason = "name.unicode"          // U+FEFF, U+2028, U+2029 or a noncharacter
	ReasonNameEscape         Reason = "name.escape"           // a malformed percent-escape
	ReasonNameEncodedSlash   Reason = "name.encoded_slash"    // %2F

	ReasonPolicyDeny    Reason = "policy.deny"     // a deny pattern covers it
	ReasonPolicyNoAllow Reason = "policy.no_allow" // no allow pattern matches it
	ReasonPolicyDotfile Reason = "policy.dotfile"  // an allow pattern would match, but does not spell the leading dot

	ReasonAuthDenied Reason = "auth.denied" // Policy.Authorize said no

	ReasonCreateDepth    Reason = "create.depth"    // over MaxCreateElements
	ReasonCreateNFC      Reason = "create.nfc"      // not in normal form C
	ReasonCreateChar     Reason = "create.char"     // one of : * ? " < > |
	ReasonCreateTrailing Reason = "create.trailing" // an element ends in a dot or a space
	ReasonCreateDevice   Reason = "create.device"   // a Windows device name
	ReasonCreateSibling  Reason = "create.sibling"  // differs from a sibling only in case or normal form

	// ReasonHiddenSibling is create.sibling where the caller may not know of the
	// sibling, so that it must look to him like a name that is not allowed.
	ReasonHiddenSibling Reason = "hidden_sibling"

	ReasonSymlink     Reason = "symlink"      // a symbolic link, and the policy refuses it or where it leads
	ReasonSpecialFile Reason = "special_file" // a FIFO, socket or device
	ReasonHardLink    Reason = "hard_link"    // more than one name, and the backend was told to refuse that
	ReasonOwnFile     Reason = "own_file"     // one of the files that the program itself works with
	ReasonDirectory   Reason = "directory"    // a directory, and an object was asked for
	ReasonMissing     Reason = "missing"      // allowed, and not there
	ReasonPermission  Reason = "permission"   // the backend itself may not read it: a misconfiguration
	ReasonUnholdable  Reason = "backend.name" // the backend cannot hold such a name safely
)

// Step returns the part of r that names the step: "name", "policy", "auth",
// "create", or for what a backend found, "object".
func (r Reason) Step() string {
	step, _, ok := strings.Cut(string(r), ".")
	if !ok {
		return "object"
	}
	return step
}

// Detail returns a sentence for an operator who wants to know what to do, or ""
// for a reason that is not one of this package's.
func (r Reason) Detail() string { return details[r] }

var details = map[Reason]string{
	ReasonNameEmpty:          "there is no name",
	ReasonNameTooLong:        "a name has at most 1024 bytes, or fewer where the policy says so",
	ReasonNameElementTooLong: "an element has at most 255 bytes",
	ReasonNameSlash:          "a leading, trailing or doubled slash makes an empty element",
	ReasonNameDot:            `an element may not be "."`,
	ReasonNameDotDot:         `an element may not be ".."`,
	ReasonNameBackslash:      "a backslash separates elements on some systems, so no name has one",
	ReasonNameNUL:            "no name has a NUL",
	ReasonNameControl:        "no name has a control character",
	ReasonNameUTF8:           "not well-formed UTF-8",
	ReasonNameBidi:           "a control of writing direction makes a name look like another",
	ReasonNameUnicode:        "a byte order mark, line separator or noncharacter",
	ReasonNameEscape:         "a percent sign must be followed by two hexadecimal digits; a literal one is %25",
	ReasonNameEncodedSlash:   "an escaped slash is refused: no name has a slash inside an element",
	ReasonPolicyDeny:         "a deny pattern covers it",
	ReasonPolicyNoAllow:      "no allow pattern matches it",
	ReasonPolicyDotfile:      "an element begins with a dot, and no allow pattern spells that dot",
	ReasonAuthDenied:         "the caller may not",
	ReasonCreateDepth:        "a new name has at most 64 elements",
	ReasonCreateNFC:          "a new name must be in Unicode normal form C",
	ReasonCreateChar:         `a new name may not hold : * ? " < > |`,
	ReasonCreateTrailing:     "no element of a new name may end in a dot or a space",
	ReasonCreateDevice:       "no element of a new name may be a Windows device name",
	ReasonCreateSibling:      "another name differs only in case or normal form",
	ReasonHiddenSibling:      "another name, which the caller may not see, differs only in case or normal form",
	ReasonSymlink:            "a symbolic link is in the way, and the policy does not let it through",
	ReasonSpecialFile:        "not a regular file",
	ReasonHardLink:           "the file has more than one name",
	ReasonOwnFile:            "the server works with this file itself, and serves it to nobody",
	ReasonDirectory:          "a directory; its entries are names of their own",
	ReasonMissing:            "there is nothing of this name",
	ReasonPermission:         "the server itself may not read it",
	ReasonUnholdable:         "the backend cannot hold such a name safely",
}
