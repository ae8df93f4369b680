package vfs

import "strings"

// Fold maps all spellings of a text that look alike, or that some file system treats as
// the same name, to one string (Unicode's NFKC_Casefold). Deny patterns match the
// result. Use it to detect confusable texts, not to compare names: two names that fold
// to the same text are still two names. Invalid UTF-8 folds to U+FFFD.
func Fold(s string) string { return fold(strings.ToValidUTF8(s, "\ufffd")) }
