package vfstest

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Where the canaries of a Yard lie: outside its root, under a denied directory,
// in dotfiles, in a file that no pattern allows, in another user's directory,
// behind links. Every way there that somebody's server once left open is a row.
var attacks = []Attack{
	// Plain "..", as curl --path-as-is sends it.
	{"dotdot", "../canary.txt", "dotdot", vfs.ReasonNameDotDot, "join"},
	{"dotdot below a directory", "public/../../canary.txt", "dotdot", vfs.ReasonNameDotDot, "join"},
	{"dotdot below a file", "public/ok.txt/../../../canary.txt", "dotdot", vfs.ReasonNameDotDot, "join"},
	{"dotdot below nothing", "no/such/dir/../../../../canary.txt", "dotdot", vfs.ReasonNameDotDot, "join"},
	{"dotdot to a denied name", "public/x/../drafts/secret.txt", "dotdot", vfs.ReasonNameDotDot, "deny-as-sent"},
	{"dotdot to a hidden name", "public/../config.yaml", "dotdot", vfs.ReasonNameDotDot, "allow-as-sent"},
	{"dotdot that survives one removal", "....//canary.txt", "dotdot", vfs.ReasonNameSlash, "strip-dotdot"},
	{"dotdot around a removal", "..././canary.txt", "dotdot", vfs.ReasonNameDot, "strip-dotdot"},
	{"dotdot with a path parameter", "..;/canary.txt", "dotdot", vfs.ReasonPolicyNoAllow, "path-params"},
	{"dotdot with a named parameter", "public/..;v=1/..;v=2/canary.txt", "dotdot", vfs.ReasonPolicyDotfile, "path-params"},
	{"dotdot with trailing spaces", "public/..%20/..%20/canary.txt", "dotdot", vfs.ReasonPolicyDotfile, "trim"},

	// Escapes, decoded once.
	{"encoded dots", "%2e%2e/canary.txt", "encoded", vfs.ReasonNameDotDot, "check-as-sent"},
	{"encoded dots, upper case", "%2E%2E/canary.txt", "encoded", vfs.ReasonNameDotDot, "check-as-sent"},
	{"one encoded dot", ".%2e/canary.txt", "encoded", vfs.ReasonNameDotDot, "check-as-sent"},
	{"the other dot", "%2e./canary.txt", "encoded", vfs.ReasonNameDotDot, "check-as-sent"},
	{"encoded slash", "..%2fcanary.txt", "encoded", vfs.ReasonNameEncodedSlash, "check-as-sent"},
	{"everything encoded", "%2e%2e%2f%63%61%6e%61%72%79%2e%74%78%74", "encoded", vfs.ReasonNameEncodedSlash, "check-as-sent"},
	{"encoded slash into a denied directory", "public/drafts%2fsecret.txt", "encoded", vfs.ReasonNameEncodedSlash, "deny-as-sent"},
	{"encoded letter in a denied name", "public/%64rafts/secret.txt", "encoded", vfs.ReasonPolicyDeny, "deny-as-sent"},
	{"encoded leading dot", "public/%2eenv", "encoded", vfs.ReasonPolicyDotfile, "dotfiles-as-sent"},

	// Twice decoded.
	{"twice encoded dots", "%252e%252e/canary.txt", "double decoding", vfs.ReasonPolicyNoAllow, "double-decode"},
	{"twice encoded slash", "..%252fcanary.txt", "double decoding", vfs.ReasonPolicyDotfile, "double-decode"},
	{"twice encoded, all of it", "%252e%252e%252fcanary.txt", "double decoding", vfs.ReasonMissing, "double-decode"},
	{"encoded digits of an escape", "%%32%65%%32%65/canary.txt", "double decoding", vfs.ReasonNameEscape, "double-decode"},
	{"twice encoded letter in a denied name", "public/%2564rafts/secret.txt", "double decoding", vfs.ReasonMissing, "double-decode"},
	{"wide escape", "%u002e%u002e/canary.txt", "escapes", vfs.ReasonNameEscape, "wide-escape"},
	{"wide slash", "..%u2215canary.txt", "escapes", vfs.ReasonNameEscape, "wide-escape"},
	{"cut escape", "public/drafts%/secret.txt", "escapes", vfs.ReasonNameEscape, "drop-bad-escape"},
	{"escape that is none", "public/%drafts/secret.txt", "escapes", vfs.ReasonNameEscape, "drop-bad-escape"},

	// Backslashes, drives, shares, absolute names.
	{"backslash", `..\canary.txt`, "backslash", vfs.ReasonNameBackslash, "backslash"},
	{"encoded backslash", "..%5ccanary.txt", "backslash", vfs.ReasonNameBackslash, "backslash"},
	{"mixed slashes", `public/..\../canary.txt`, "backslash", vfs.ReasonNameBackslash, "backslash"},
	{"backslash into a denied directory", `public/drafts\secret.txt`, "backslash", vfs.ReasonNameBackslash, "backslash"},
	{"drive", "C:/canary.txt", "absolute", vfs.ReasonPolicyNoAllow, "absolute"},
	{"drive, relative", "C:canary.txt", "absolute", vfs.ReasonMissing, "absolute"},
	{"second slash", "/canary.txt", "absolute", vfs.ReasonNameSlash, "absolute"},
	{"encoded first slash", "%2fcanary.txt", "absolute", vfs.ReasonNameEncodedSlash, "absolute"},
	{"share", "//host/canary.txt", "absolute", vfs.ReasonNameSlash, "absolute"},
	{"home", "~/canary.txt", "absolute", vfs.ReasonPolicyNoAllow, "expand"},
	{"variable", "$HOME/canary.txt", "absolute", vfs.ReasonPolicyNoAllow, "expand"},

	// Another spelling of a name that is denied as it is.
	{"doubled slash", "public//drafts/secret.txt", "spelling", vfs.ReasonNameSlash, "deny-as-sent"},
	{"dot element", "public/./drafts/secret.txt", "spelling", vfs.ReasonNameDot, "deny-as-sent"},
	{"trailing slash", "config.yaml/", "spelling", vfs.ReasonNameSlash, "deny-exact"},
	{"trailing dot element", "config.yaml/.", "spelling", vfs.ReasonNameDot, "deny-exact"},
	{"upper case", "public/DRAFTS/secret.txt", "case", vfs.ReasonPolicyDeny, "fold-case"},
	{"mixed case", "public/Drafts/Secret.TXT", "case", vfs.ReasonPolicyDeny, "fold-case"},
	{"long s", "public/draft%C5%BF/secret.txt", "case", vfs.ReasonPolicyDeny, "fold-case"},
	{"case of another file", "Config.YAML", "case", vfs.ReasonPolicyNoAllow, "fold-case"},
	{"full width letters", "public/%EF%BD%84rafts/secret.txt", "normal form", vfs.ReasonPolicyDeny, "nfkc"},
	{"two dot leader", "public/%E2%80%A5/%E2%80%A5/canary.txt", "normal form", vfs.ReasonMissing, "nfkc"},
	{"one dot leaders", "public/%E2%80%A4%E2%80%A4/%E2%80%A4%E2%80%A4/canary.txt", "normal form", vfs.ReasonMissing, "nfkc"},
	{"full width dots", "public/%EF%BC%8E%EF%BC%8E/%EF%BC%8E%EF%BC%8E/canary.txt", "normal form", vfs.ReasonMissing, "nfkc"},
	{"full width slash", "public/..%EF%BC%8F..%EF%BC%8Fcanary.txt", "normal form", vfs.ReasonPolicyDotfile, "nfkc"},
	{"joiner in a denied name", "public/dra%E2%80%8Dfts/secret.txt", "invisible", vfs.ReasonPolicyDeny, "drop-invisible"},
	{"soft hyphen in a denied name", "public/dra%C2%ADfts/secret.txt", "invisible", vfs.ReasonPolicyDeny, "drop-invisible"},
	{"variation selector", "public/drafts%EF%B8%8F/secret.txt", "invisible", vfs.ReasonPolicyDeny, "drop-invisible"},
	{"byte order mark", "public/%EF%BB%BFdrafts/secret.txt", "invisible", vfs.ReasonNameUnicode, "drop-invisible"},
	{"line separator", "public/drafts%E2%80%A8/secret.txt", "invisible", vfs.ReasonNameUnicode, "drop-invisible"},
	{"noncharacter", "public/drafts%EF%BF%BE/secret.txt", "invisible", vfs.ReasonNameUnicode, "drop-invisible"},
	{"direction mark", "public/%E2%80%8Edrafts/secret.txt", "bidi", vfs.ReasonNameBidi, "drop-invisible"},
	{"direction override", "public/%E2%80%AEdrafts/secret.txt", "bidi", vfs.ReasonNameBidi, "drop-invisible"},
	{"direction isolate", "public/%E2%81%A6drafts/secret.txt", "bidi", vfs.ReasonNameBidi, "drop-invisible"},
	{"Arabic letter mark", "public/%D8%9Cdrafts/secret.txt", "bidi", vfs.ReasonNameBidi, "drop-invisible"},

	// Bytes that end a string, or vanish.
	{"NUL before an extension", "config.yaml%00.txt", "control", vfs.ReasonNameNUL, "c-string"},
	{"NUL in the middle", "public/dra%00fts/secret.txt", "control", vfs.ReasonNameNUL, "drop-invisible"},
	{"NUL, twice encoded", "config.yaml%2500.txt", "control", vfs.ReasonMissing, "c-string-double-decode"},
	{"newline", "public/drafts%0a/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},
	{"CR LF", "public/drafts%0d%0a/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},
	{"escape character", "public/drafts%1b/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},
	{"tab", "public/%09drafts/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},
	{"delete", "public/dra%7ffts/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},
	{"C1 control", "public/dra%C2%85fts/secret.txt", "control", vfs.ReasonNameControl, "drop-invisible"},

	// UTF-8 that is none.
	{"overlong dots", "%C0%AE%C0%AE/canary.txt", "utf-8", vfs.ReasonNameUTF8, "lenient-utf8"},
	{"overlong dots, 3 bytes", "%E0%80%AE%E0%80%AE/canary.txt", "utf-8", vfs.ReasonNameUTF8, "lenient-utf8"},
	{"overlong dots, 4 bytes", "%F0%80%80%AE%F0%80%80%AE/canary.txt", "utf-8", vfs.ReasonNameUTF8, "lenient-utf8"},
	{"overlong slash", "..%C0%AFcanary.txt", "utf-8", vfs.ReasonNameUTF8, "lenient-utf8"},
	{"stray byte in a denied name", "public/dra%FFfts/secret.txt", "utf-8", vfs.ReasonNameUTF8, "drop-invisible"},
	{"raw stray byte", "public/dra\xfffts/secret.txt", "utf-8", vfs.ReasonNameUTF8, "drop-invisible"},
	{"surrogate", "public/dra%ED%A0%80fts/secret.txt", "utf-8", vfs.ReasonNameUTF8, "drop-invisible"},

	// What Windows makes of a name.
	{"trailing dot", "public/drafts./secret.txt", "windows", vfs.ReasonMissing, "trim"},
	{"trailing space", "public/drafts%20/secret.txt", "windows", vfs.ReasonMissing, "trim"},
	{"stream of a directory", "public/drafts::$INDEX_ALLOCATION/secret.txt", "windows", vfs.ReasonMissing, "streams"},
	{"stream of a file", "config.yaml::$DATA", "windows", vfs.ReasonPolicyNoAllow, "streams"},
	{"short name", "kkkkkk~1.txt", "windows", vfs.ReasonMissing, "short-names"},
	{"short name of a dotfile", "public/GIT~1/config", "windows", vfs.ReasonMissing, "short-names"},

	// Wildcards and lengths.
	{"wildcard", "public/dra*/secret.txt", "wildcard", vfs.ReasonMissing, "glob"},
	{"wildcard for one", "public/draft%3f/secret.txt", "wildcard", vfs.ReasonMissing, "glob"},
	{"class", "public/[d]rafts/secret.txt", "wildcard", vfs.ReasonMissing, "glob"},
	{"element that is cut", privateElement + "x", "length", vfs.ReasonNameElementTooLong, "cut"},
	{"name that is cut", ".//" + strings.Repeat("./", 505) + "config.yaml.txt", "length", vfs.ReasonNameTooLong, "cut"},

	// Names that are just not allowed.
	{"dotfile", "public/.env", "dotfile", vfs.ReasonPolicyDotfile, "join"},
	{"repository", "public/.git/config", "dotfile", vfs.ReasonPolicyDotfile, "join"},
	{"denied", "public/drafts/secret.txt", "policy", vfs.ReasonPolicyDeny, "join"},
	{"not allowed", "config.yaml", "policy", vfs.ReasonPolicyNoAllow, "join"},
	{"backup of an allowed name", "config.yaml~", "policy", vfs.ReasonPolicyNoAllow, "join"},
	{"neighbour that begins alike", "user10/notes.txt", "prefix", vfs.ReasonPolicyNoAllow, "prefix-without-slash"},
	{"root that begins alike", "../root-secret/canary.txt", "prefix", vfs.ReasonNameDotDot, "join-has-prefix"},
	{"the top", "", "directory", vfs.ReasonNameEmpty, "list"},
	{"directory", "public", "directory", vfs.ReasonDirectory, "list"},
	{"directory with its slash", "public/", "directory", vfs.ReasonNameSlash, "list"},
	{"directory that is allowed", "public/sub", "directory", vfs.ReasonDirectory, "list"},

	// Links that somebody left in the tree.
	{"link out", "links/out.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"link to a directory outside", "links/dir/canary.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"absolute link", "links/absolute.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"link to a link out", "links/chain.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"link to a denied name", "links/drafts.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"link to a dotfile", "links/env.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
	{"link to another user", "user1/other/notes.txt", "symlink", vfs.ReasonSymlink, "join-has-prefix"},
}
