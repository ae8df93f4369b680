// Package reason lists the reasons why a name can be refused. A *vfs.Error and a
// vfs.Verdict hold a [Reason]; vfs.ReasonOf returns the one in any error:
//
//	if vfs.ReasonOf(err) == reason.PolicyDeny { … }
//
// Clients never see a reason: to them, every refused name is missing.
package reason

import "strings"

// A Reason says why a name was refused. Its string is stable: audit logs, metrics,
// explain and scan print it. It is for operators and never sent to clients. The part
// before the dot names the step that refused.
type Reason string

// The reasons. To clients, each of them looks like a missing name.
const (
	NameEmpty          Reason = "name.empty"            // an empty name
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
	PolicyDotfile Reason = "policy.dotfile"  // an allow pattern would match if it spelled the leading dot

	AuthDenied Reason = "auth.denied" // Policy.Authorize refused

	CreateDepth    Reason = "create.depth"    // over 64 elements
	CreateNFC      Reason = "create.nfc"      // not in normal form C
	CreateChar     Reason = "create.char"     // one of : * ? " < > |
	CreateTrailing Reason = "create.trailing" // an element ends in a dot or a space
	CreateDevice   Reason = "create.device"   // a Windows device name
	CreateSibling  Reason = "create.sibling"  // differs from a sibling only in case or normal form

	// HiddenSibling is CreateSibling if the caller may not see the sibling: the
	// response must look like that for a name that is not allowed.
	HiddenSibling Reason = "hidden_sibling"

	Symlink     Reason = "symlink"      // a symbolic link, and the policy refuses it or its target
	SpecialFile Reason = "special_file" // a FIFO, socket or device
	HardLink    Reason = "hard_link"    // a file with several hard links, which the backend is set to refuse
	OwnFile     Reason = "own_file"     // a file that the program itself uses
	Directory   Reason = "directory"    // a directory where an object was requested
	Missing     Reason = "missing"      // allowed, but does not exist
	Permission  Reason = "permission"   // the backend itself has no permission: a misconfiguration
	Unholdable  Reason = "backend.name" // the backend cannot safely store such a name
)

// Step returns the step that refused: "name", "policy", "auth" or "create", or "object"
// for a reason found by a backend.
func (r Reason) Step() string {
	step, _, ok := strings.Cut(string(r), ".")
	if !ok {
		return "object"
	}
	return step
}

// Detail returns a sentence that tells an operator what is wrong, or "" if r is not a
// reason of this package.
func (r Reason) Detail() string { return details[r] }

var details = map[Reason]string{
	NameEmpty:          "the name is empty",
	NameTooLong:        "a name can have at most 1024 bytes, or fewer if the policy sets a lower limit",
	NameElementTooLong: "an element can have at most 255 bytes",
	NameSlash:          "a leading, trailing or doubled slash makes an empty element",
	NameDot:            `an element may not be "."`,
	NameDotDot:         `an element may not be ".."`,
	NameBackslash:      "a name cannot contain a backslash, which is a separator on some systems",
	NameNUL:            "a name cannot contain NUL",
	NameControl:        "a name cannot contain a control character",
	NameUTF8:           "the name is not valid UTF-8",
	NameBidi:           "a name cannot contain a bidirectional control character, which can make it look like another name",
	NameUnicode:        "a name cannot contain a byte order mark, a line or paragraph separator, or a noncharacter",
	NameEscape:         "a percent sign must be followed by two hexadecimal digits; a literal one is %25",
	NameEncodedSlash:   "an element cannot contain a slash, so an escaped slash (%2F) is refused",
	PolicyDeny:         "a deny pattern covers it",
	PolicyNoAllow:      "no allow pattern matches it",
	PolicyDotfile:      "an element begins with a dot that no allow pattern spells",
	AuthDenied:         "the access rules do not permit this operation for the caller",
	CreateDepth:        "a new name can have at most 64 elements",
	CreateNFC:          "a new name must be in Unicode normal form C",
	CreateChar:         `a new name cannot contain : * ? " < > |`,
	CreateTrailing:     "no element of a new name can end in a dot or a space",
	CreateDevice:       "no element of a new name can be a Windows device name",
	CreateSibling:      "an existing name differs only in case or normal form",
	HiddenSibling:      "an existing name, which the caller may not see, differs only in case or normal form",
	Symlink:            "the name or its path is a symbolic link, and the policy refuses it or its target",
	SpecialFile:        "a FIFO, socket or device, not a regular file",
	HardLink:           "the file has more than one hard link, and the source refuses that",
	OwnFile:            "the server uses this file itself and never serves it",
	Directory:          "a directory, not an object; its entries have their own names",
	Missing:            "no file or object has this name",
	Permission:         "the server has no permission to read it",
	Unholdable:         "the backend cannot safely store such a name",
}
