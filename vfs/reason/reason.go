// Package reason lists why a name can be refused. A *vfs.Error and a vfs.Verdict
// hold a [Reason]; vfs.ReasonOf takes it from any error:
//
//	if vfs.ReasonOf(err) == reason.PolicyDeny { … }
//
// Clients never see a reason: to them, every refused name is missing.
package reason

import "strings"

// A Reason says why a name was refused. Its string is stable: audit logs,
// metrics, explain and scan print it. It is for operators; a client never sees
// one. The part before the dot is the step that refused.
type Reason string

// The reasons. Clients see all of them as a missing name.
const (
	NameEmpty          Reason = "name.empty"            // no name at all
	NameTooLong        Reason = "name.too_long"         // over vfs.MaxNameBytes or Policy.MaxLen
	NameElementTooLong Reason = "name.element_too_long" // an element over vfs.MaxElementBytes
	NameSlash          Reason = "name.slash"            // a leading, trailing or doubled slash
	NameDot            Reason = "name.dot"              // an element "."
	NameDotDot         Reason = "name.dotdot"           // an element ".."
	NameBackslash      Reason = "name.backslash"        // "\", plain or as %5C
	NameNUL            Reason = "name.nul"              // NUL, plain or as %00
	NameControl        Reason = "name.control"          // C0, DEL or C1
	NameUTF8           Reason = "name.utf8"             // ill-formed UTF-8
	NameBidi           Reason = "name.bidi"             // a bidirectional control character
	NameUnicode        Reason = "name.unicode"          // U+FEFF, U+2028, U+2029 or a noncharacter
	NameEscape         Reason = "name.escape"           // a malformed percent-escape
	NameEncodedSlash   Reason = "name.encoded_slash"    // %2F

	PolicyDeny    Reason = "policy.deny"     // a deny pattern covers it
	PolicyNoAllow Reason = "policy.no_allow" // no allow pattern matches it
	PolicyDotfile Reason = "policy.dotfile"  // an allow pattern would match, but does not spell the leading dot

	AuthDenied Reason = "auth.denied" // Policy.Authorize said no

	CreateDepth    Reason = "create.depth"    // over 64 elements
	CreateNFC      Reason = "create.nfc"      // not in normal form C
	CreateChar     Reason = "create.char"     // one of : * ? " < > |
	CreateTrailing Reason = "create.trailing" // an element ends in a dot or a space
	CreateDevice   Reason = "create.device"   // a Windows device name
	CreateSibling  Reason = "create.sibling"  // differs from a sibling only in case or normal form

	// HiddenSibling is CreateSibling where the caller may not see the sibling:
	// the answer must look like that for a name that is not allowed.
	HiddenSibling Reason = "hidden_sibling"

	Symlink     Reason = "symlink"      // a symbolic link, and the policy refuses it or where it leads
	SpecialFile Reason = "special_file" // a FIFO, socket or device
	HardLink    Reason = "hard_link"    // more than one name, and the backend was told to refuse that
	OwnFile     Reason = "own_file"     // one of the files that the program itself works with
	Directory   Reason = "directory"    // a directory, and an object was asked for
	Missing     Reason = "missing"      // allowed, and not there
	Permission  Reason = "permission"   // the backend itself may not read it: a misconfiguration
	Unholdable  Reason = "backend.name" // the backend cannot hold such a name safely
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
	NameEmpty:          "there is no name",
	NameTooLong:        "a name has at most 1024 bytes, or fewer where the policy says so",
	NameElementTooLong: "an element has at most 255 bytes",
	NameSlash:          "a leading, trailing or doubled slash makes an empty element",
	NameDot:            `an element may not be "."`,
	NameDotDot:         `an element may not be ".."`,
	NameBackslash:      "a backslash separates elements on some systems, so no name has one",
	NameNUL:            "no name has a NUL",
	NameControl:        "no name has a control character",
	NameUTF8:           "not well-formed UTF-8",
	NameBidi:           "a bidirectional control character makes a name look like another",
	NameUnicode:        "a byte order mark, line separator or noncharacter",
	NameEscape:         "a percent sign must be followed by two hexadecimal digits; a literal one is %25",
	NameEncodedSlash:   "an escaped slash is refused: no name has a slash inside an element",
	PolicyDeny:         "a deny pattern covers it",
	PolicyNoAllow:      "no allow pattern matches it",
	PolicyDotfile:      "an element begins with a dot, and no allow pattern spells that dot",
	AuthDenied:         "the caller may not",
	CreateDepth:        "a new name has at most 64 elements",
	CreateNFC:          "a new name must be in Unicode normal form C",
	CreateChar:         `a new name may not hold : * ? " < > |`,
	CreateTrailing:     "no element of a new name may end in a dot or a space",
	CreateDevice:       "no element of a new name may be a Windows device name",
	CreateSibling:      "another name differs only in case or normal form",
	HiddenSibling:      "another name, which the caller may not see, differs only in case or normal form",
	Symlink:            "a symbolic link is in the way, and the policy does not let it through",
	SpecialFile:        "not a regular file",
	HardLink:           "the file has more than one name",
	OwnFile:            "the server works with this file itself, and serves it to nobody",
	Directory:          "a directory; its entries are names of their own",
	Missing:            "there is nothing of this name",
	Permission:         "the server itself may not read it",
	Unholdable:         "the backend cannot hold such a name safely",
}
