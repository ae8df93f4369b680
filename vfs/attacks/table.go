package attacks

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The canaries of the fixture are outside its root, under a denied directory, in
// dotfiles, in a file that no pattern allows, in another user's directory, and behind
// links. The table has a row for every way to reach them that some server has left
// open.
var table = []Attack{
	// Plain "..", as curl --path-as-is sends it.
	{"dotdot", "../canary.txt", "dotdot", reason.NameDotDot, "join"},
	{"dotdot below a directory", "public/../../canary.txt", "dotdot", reason.NameDotDot, "join"},
	{"dotdot below a file", "public/ok.txt/../../../canary.txt", "dotdot", reason.NameDotDot, "join"},
	{"dotdot below nothing", "no/such/dir/../../../../canary.txt", "dotdot", reason.NameDotDot, "join"},
	{"dotdot to a denied name", "public/x/../drafts/secret.txt", "dotdot", reason.NameDotDot, "deny-as-sent"},
	{"dotdot to a hidden name", "public/../config.yaml", "dotdot", reason.NameDotDot, "allow-as-sent"},
	{"dotdot that survives one removal", "....//canary.txt", "dotdot", reason.NameSlash, "strip-dotdot"},
	{"dotdot around a removal", "..././canary.txt", "dotdot", reason.NameDot, "strip-dotdot"},
	{"dotdot with a path parameter", "..;/canary.txt", "dotdot", reason.PolicyNoAllow, "path-params"},
	{"dotdot with a named parameter", "public/..;v=1/..;v=2/canary.txt", "dotdot", reason.PolicyDotfile, "path-params"},
	{"dotdot with trailing spaces", "public/..%20/..%20/canary.txt", "dotdot", reason.PolicyDotfile, "trim"},

	// Escapes, decoded once.
	{"encoded dots", "%2e%2e/canary.txt", "encoded", reason.NameDotDot, "check-as-sent"},
	{"encoded dots, upper case", "%2E%2E/canary.txt", "encoded", reason.NameDotDot, "check-as-sent"},
	{"encoded second dot", ".%2e/canary.txt", "encoded", reason.NameDotDot, "check-as-sent"},
	{"encoded first dot", "%2e./canary.txt", "encoded", reason.NameDotDot, "check-as-sent"},
	{"encoded slash", "..%2fcanary.txt", "encoded", reason.NameEncodedSlash, "check-as-sent"},
	{"everything encoded", "%2e%2e%2f%63%61%6e%61%72%79%2e%74%78%74", "encoded", reason.NameEncodedSlash, "check-as-sent"},
	{"encoded slash into a denied directory", "public/drafts%2fsecret.txt", "encoded", reason.NameEncodedSlash, "deny-as-sent"},
	{"encoded letter in a denied name", "public/%64rafts/secret.txt", "encoded", reason.PolicyDeny, "deny-as-sent"},
	{"encoded leading dot", "public/%2eenv", "encoded", reason.PolicyDotfile, "dotfiles-as-sent"},

	// Twice decoded.
	{"twice encoded dots", "%252e%252e/canary.txt", "double decoding", reason.PolicyNoAllow, "double-decode"},
	{"twice encoded slash", "..%252fcanary.txt", "double decoding", reason.PolicyDotfile, "double-decode"},
	{"twice encoded, all of it", "%252e%252e%252fcanary.txt", "double decoding", reason.Missing, "double-decode"},
	{"encoded digits of an escape", "%%32%65%%32%65/canary.txt", "double decoding", reason.NameEscape, "double-decode"},
	{"twice encoded letter in a denied name", "public/%2564rafts/secret.txt", "double decoding", reason.Missing, "double-decode"},
	{"wide escape", "%u002e%u002e/canary.txt", "escapes", reason.NameEscape, "wide-escape"},
	{"wide slash", "..%u2215canary.txt", "escapes", reason.NameEscape, "wide-escape"},
	{"cut escape", "public/drafts%/secret.txt", "escapes", reason.NameEscape, "drop-bad-escape"},
	{"malformed escape", "public/%drafts/secret.txt", "escapes", reason.NameEscape, "drop-bad-escape"},

	// Backslashes, drives, shares, absolute names.
	{"backslash", `..\canary.txt`, "backslash", reason.NameBackslash, "backslash"},
	{"encoded backslash", "..%5ccanary.txt", "backslash", reason.NameBackslash, "backslash"},
	{"mixed slashes", `public/..\../canary.txt`, "backslash", reason.NameBackslash, "backslash"},
	{"backslash into a denied directory", `public/drafts\secret.txt`, "backslash", reason.NameBackslash, "backslash"},
	{"drive", "C:/canary.txt", "absolute", reason.PolicyNoAllow, "absolute"},
	{"drive, relative", "C:canary.txt", "absolute", reason.Missing, "absolute"},
	{"second slash", "/canary.txt", "absolute", reason.NameSlash, "absolute"},
	{"encoded first slash", "%2fcanary.txt", "absolute", reason.NameEncodedSlash, "absolute"},
	{"share", "//host/canary.txt", "absolute", reason.NameSlash, "absolute"},
	{"home", "~/canary.txt", "absolute", reason.PolicyNoAllow, "expand"},
	{"variable", "$HOME/canary.txt", "absolute", reason.PolicyNoAllow, "expand"},

	// Other spellings of a denied name.
	{"doubled slash", "public//drafts/secret.txt", "spelling", reason.NameSlash, "deny-as-sent"},
	{"dot element", "public/./drafts/secret.txt", "spelling", reason.NameDot, "deny-as-sent"},
	{"trailing slash", "config.yaml/", "spelling", reason.NameSlash, "deny-exact"},
	{"trailing dot element", "config.yaml/.", "spelling", reason.NameDot, "deny-exact"},
	{"upper case", "public/DRAFTS/secret.txt", "case", reason.PolicyDeny, "fold-case"},
	{"mixed case", "public/Drafts/Secret.TXT", "case", reason.PolicyDeny, "fold-case"},
	{"long s", "public/draft%C5%BF/secret.txt", "case", reason.PolicyDeny, "fold-case"},
	{"case of another file", "Config.YAML", "case", reason.PolicyNoAllow, "fold-case"},
	{"full width letters", "public/%EF%BD%84rafts/secret.txt", "normal form", reason.PolicyDeny, "nfkc"},
	{"two dot leader", "public/%E2%80%A5/%E2%80%A5/canary.txt", "normal form", reason.Missing, "nfkc"},
	{"one dot leaders", "public/%E2%80%A4%E2%80%A4/%E2%80%A4%E2%80%A4/canary.txt", "normal form", reason.Missing, "nfkc"},
	{"full width dots", "public/%EF%BC%8E%EF%BC%8E/%EF%BC%8E%EF%BC%8E/canary.txt", "normal form", reason.Missing, "nfkc"},
	{"full width slash", "public/..%EF%BC%8F..%EF%BC%8Fcanary.txt", "normal form", reason.PolicyDotfile, "nfkc"},
	{"joiner in a denied name", "public/dra%E2%80%8Dfts/secret.txt", "invisible", reason.PolicyDeny, "drop-invisible"},
	{"soft hyphen in a denied name", "public/dra%C2%ADfts/secret.txt", "invisible", reason.PolicyDeny, "drop-invisible"},
	{"variation selector", "public/drafts%EF%B8%8F/secret.txt", "invisible", reason.PolicyDeny, "drop-invisible"},
	{"byte order mark", "public/%EF%BB%BFdrafts/secret.txt", "invisible", reason.NameUnicode, "drop-invisible"},
	{"line separator", "public/drafts%E2%80%A8/secret.txt", "invisible", reason.NameUnicode, "drop-invisible"},
	{"noncharacter", "public/drafts%EF%BF%BE/secret.txt", "invisible", reason.NameUnicode, "drop-invisible"},
	{"direction mark", "public/%E2%80%8Edrafts/secret.txt", "bidi", reason.NameBidi, "drop-invisible"},
	{"direction override", "public/%E2%80%AEdrafts/secret.txt", "bidi", reason.NameBidi, "drop-invisible"},
	{"direction isolate", "public/%E2%81%A6drafts/secret.txt", "bidi", reason.NameBidi, "drop-invisible"},
	{"Arabic letter mark", "public/%D8%9Cdrafts/secret.txt", "bidi", reason.NameBidi, "drop-invisible"},

	// Bytes that end a string or disappear.
	{"NUL before an extension", "config.yaml%00.txt", "control", reason.NameNUL, "c-string"},
	{"NUL in the middle", "public/dra%00fts/secret.txt", "control", reason.NameNUL, "drop-invisible"},
	{"NUL, twice encoded", "config.yaml%2500.txt", "control", reason.Missing, "c-string-double-decode"},
	{"newline", "public/drafts%0a/secret.txt", "control", reason.NameControl, "drop-invisible"},
	{"CR LF", "public/drafts%0d%0a/secret.txt", "control", reason.NameControl, "drop-invisible"},
	{"escape character", "public/drafts%1b/secret.txt", "control", reason.NameControl, "drop-invisible"},
	{"tab", "public/%09drafts/secret.txt", "control", reason.NameControl, "drop-invisible"},
	{"delete", "public/dra%7ffts/secret.txt", "control", reason.NameControl, "drop-invisible"},
	{"C1 control", "public/dra%C2%85fts/secret.txt", "control", reason.NameControl, "drop-invisible"},

	// Invalid UTF-8.
	{"overlong dots", "%C0%AE%C0%AE/canary.txt", "utf-8", reason.NameUTF8, "lenient-utf8"},
	{"overlong dots, 3 bytes", "%E0%80%AE%E0%80%AE/canary.txt", "utf-8", reason.NameUTF8, "lenient-utf8"},
	{"overlong dots, 4 bytes", "%F0%80%80%AE%F0%80%80%AE/canary.txt", "utf-8", reason.NameUTF8, "lenient-utf8"},
	{"overlong slash", "..%C0%AFcanary.txt", "utf-8", reason.NameUTF8, "lenient-utf8"},
	{"stray byte in a denied name", "public/dra%FFfts/secret.txt", "utf-8", reason.NameUTF8, "drop-invisible"},
	{"raw stray byte", "public/dra\xfffts/secret.txt", "utf-8", reason.NameUTF8, "drop-invisible"},
	{"surrogate", "public/dra%ED%A0%80fts/secret.txt", "utf-8", reason.NameUTF8, "drop-invisible"},

	// Names that Windows interprets.
	{"trailing dot", "public/drafts./secret.txt", "windows", reason.Missing, "trim"},
	{"trailing space", "public/drafts%20/secret.txt", "windows", reason.Missing, "trim"},
	{"stream of a directory", "public/drafts::$INDEX_ALLOCATION/secret.txt", "windows", reason.Missing, "streams"},
	{"stream of a file", "config.yaml::$DATA", "windows", reason.PolicyNoAllow, "streams"},
	{"short name", "kkkkkk~1.txt", "windows", reason.Missing, "short-names"},
	{"short name of a dotfile", "public/GIT~1/config", "windows", reason.Missing, "short-names"},

	// Wildcards and lengths.
	{"wildcard", "public/dra*/secret.txt", "wildcard", reason.Missing, "glob"},
	{"single-character wildcard", "public/draft%3f/secret.txt", "wildcard", reason.Missing, "glob"},
	{"class", "public/[d]rafts/secret.txt", "wildcard", reason.Missing, "glob"},
	{"truncated element", LongName + "x", "length", reason.NameElementTooLong, "cut"},
	{"truncated name", ".//" + strings.Repeat("./", 505) + "config.yaml.txt", "length", reason.NameTooLong, "cut"},

	// Names that are simply not allowed.
	{"dotfile", "public/.env", "dotfile", reason.PolicyDotfile, "join"},
	{"repository", "public/.git/config", "dotfile", reason.PolicyDotfile, "join"},
	{"denied", "public/drafts/secret.txt", "policy", reason.PolicyDeny, "join"},
	{"not allowed", "config.yaml", "policy", reason.PolicyNoAllow, "join"},
	{"backup of an allowed name", "config.yaml~", "policy", reason.PolicyNoAllow, "join"},
	{"neighbor with the same prefix", "user10/notes.txt", "prefix", reason.PolicyNoAllow, "prefix-without-slash"},
	{"outside directory with the root's prefix", "../root-secret/canary.txt", "prefix", reason.NameDotDot, "join-has-prefix"},
	{"the top", "", "directory", reason.NameEmpty, "list"},
	{"directory", "public", "directory", reason.Directory, "list"},
	{"directory with a trailing slash", "public/", "directory", reason.NameSlash, "list"},
	{"allowed directory", "public/sub", "directory", reason.Directory, "list"},

	// Links that were left in the tree.
	{"link out", "links/out.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"link to a directory outside", "links/dir/canary.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"absolute link", "links/absolute.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"link to a link out", "links/chain.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"link to a denied name", "links/drafts.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"link to a dotfile", "links/env.txt", "symlink", reason.Symlink, "join-has-prefix"},
	{"link to another user", "user1/other/notes.txt", "symlink", reason.Symlink, "join-has-prefix"},
}
